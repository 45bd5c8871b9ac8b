"""How the cluster is WATCHED: Flower, configured."""
