"""Source code from git repositories, by the system's git."""
