"""Faults of the running containers of docker compose."""
