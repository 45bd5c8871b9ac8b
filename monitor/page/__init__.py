"""How does it reach a browser? Handlers, templates and files within Flower."""
