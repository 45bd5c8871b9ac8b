"""WHERE it runs: broker, workers and Flower as processes of this machine."""
