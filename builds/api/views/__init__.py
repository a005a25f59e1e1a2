"""The views of the API: each reads a request, calls a service or a query, and answers with a model of the contract."""
