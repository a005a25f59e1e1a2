"""Sockets: what changes is shown while it happens. The database is the truth, this only brings it sooner."""
