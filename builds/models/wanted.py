"""Rows that people ask for by number."""

from typing import TypeVar

from django.db import models

from builds.domain.errors import NotFound

M = TypeVar("M", bound=models.Model)


class WantedQuerySet(models.QuerySet[M]):
    """A query whose rows are asked for by number; `called` is what people call one."""

    called = "row"

    def wanted(self, number: int) -> M:
        """Return the row; raises `NotFound` where there is none, or none that may be known of."""
        row = self.filter(pk=number).first()
        if row is None:
            raise NotFound(f"There is no {self.called} {number}.")
        return row
