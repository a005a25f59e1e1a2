"""The outside world, typed: engines, registries, contexts. No Django here."""
