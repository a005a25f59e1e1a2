"""Management commands: thin, they call services."""
