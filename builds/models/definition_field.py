"""The column in which a run keeps its definition."""

import json
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import Expression
from django.db.models.fields.json import KeyTransform

from builds.domain.definition import Definition

if TYPE_CHECKING:
    Json = models.JSONField[Definition, Definition]
else:
    Json = models.JSONField  # generic for the type checker only


class DefinitionEncoder(json.JSONEncoder):
    """Writes a definition wherever Django writes JSON: into the column, and on a page of the admin."""

    def default(self, o: Any) -> Any:
        """Return the stored form of a definition."""
        return o.to_json() if isinstance(o, Definition) else super().default(o)


class DefinitionField(Json):
    """A `Definition`, stored as JSON, so that SQL can look into it (`definition__has_key`, `KT`)."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"encoder": DefinitionEncoder, **options})

    def from_db_value(self, value: str | None, expression: Expression, connection: BaseDatabaseWrapper) -> Any:
        """Return the `Definition` of a row; what a single key of it holds comes as it is."""
        found = super().from_db_value(value, expression, connection)
        return found if isinstance(expression, KeyTransform) else self.to_python(found)

    def to_python(self, value: Any) -> Any:
        """Return the `Definition` of what the column or a fixture holds."""
        return Definition.from_json(value) if isinstance(value, dict) else value

    def value_to_string(self, obj: models.Model) -> Any:
        """Return what a fixture holds."""
        return self.value_from_object(obj).to_json()
