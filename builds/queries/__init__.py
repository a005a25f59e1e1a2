"""Reads for one screen or call each; nothing here writes."""
