"""Words of an enum as choices and as check constraints."""

from collections.abc import Iterable
from enum import StrEnum

from django.db import models


def choices(words: Iterable[StrEnum]) -> list[tuple[str, str]]:
    """Return `words` as Django choices."""
    return [(word.value, word.value) for word in words]


def one_of(field: str, words: Iterable[StrEnum], name: str) -> models.CheckConstraint:
    """Return a constraint that holds `field` to `words`, so that an illegal row cannot exist even by shell."""
    return models.CheckConstraint(condition=models.Q(**{f"{field}__in": [word.value for word in words]}), name=name)
