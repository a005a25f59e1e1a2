"""Build servers and registries: what is kept of them, and how they are reached."""
