"""How many wrong API tokens an address has sent."""

from typing import ClassVar

from django.db import models


class WrongTokens(models.Model):
    """The wrong tokens of one address in the minute that is counted; all web processes count together."""

    address = models.CharField(max_length=45, unique=True)
    minute_began_at = models.DateTimeField(null=True, editable=False)
    minute_count = models.PositiveIntegerField(default=0, editable=False)

    objects: ClassVar[models.Manager["WrongTokens"]]  # Django's own; django-stubs' plugin misses it here

    class Meta:
        verbose_name_plural = "wrong tokens"

    def __str__(self) -> str:
        return self.address
