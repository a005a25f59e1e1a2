"""BuildHub: press Build, get a container image into your registry, see truthfully what happened."""
