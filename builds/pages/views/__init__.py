"""The answers to page addresses: read the request, call a service or a screen, render."""
