"""Django's admin: every table searchable; history is read-only, and what moves a run goes through the services."""

from builds.admin import accounts, builds, callbacks, connections, history, known_hosts, runs, sign_in, tokens

__all__ = ["accounts", "builds", "callbacks", "connections", "history", "known_hosts", "runs", "sign_in", "tokens"]
