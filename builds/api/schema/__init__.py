"""The OpenAPI document: models and operations as tables, joined with the routes by drf-spectacular (document.py)."""
