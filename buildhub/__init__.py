"""The Django project: wiring only. The product is the app `builds`."""
