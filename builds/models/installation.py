"""What this installation is called in labels and log ids."""

import secrets

from django.db import models


def new_name() -> str:
    """Return a short random name."""
    return secrets.token_hex(4)


class Installation(models.Model):
    """The one row that names this installation; made by the first start."""

    only = models.BooleanField(default=True, unique=True, editable=False)
    name = models.CharField(max_length=32, default=new_name)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(only=True), name="installation_only_one")]

    def __str__(self) -> str:
        return self.name
