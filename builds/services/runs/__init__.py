"""Runs: start, cancel, remove; the moves of their state, and what a worker writes of them."""
