"""BuildKit's own language: its progress records."""
