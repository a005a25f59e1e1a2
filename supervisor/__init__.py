"""What `make run` starts: PostgreSQL, registry, engine, web, workers, sweeper, and who looks after them."""
