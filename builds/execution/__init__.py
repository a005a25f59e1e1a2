"""What runs inside a worker: the only floor that joins engine and services."""
