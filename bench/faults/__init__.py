"""A storm of faults over a BuildHub that builds (`make storm`; bench/README.md)."""
