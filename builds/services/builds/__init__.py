"""Builds: create, edit, their steps and sources, definitions as files."""
