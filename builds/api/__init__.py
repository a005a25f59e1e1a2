"""The REST surface: reads requests, calls services and queries, answers in a dialect."""
