"""Writes: each function one use case, keyword-only, with who asks, in one transaction."""
