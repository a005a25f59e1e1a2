"""One file a kind of step, named as the kind. A step gets the context and its row, works, and raises when it cannot."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Final

from builds.domain.states import StepType
from builds.domain.steps.kinds import KINDS
from builds.execution.context import RunContext
from builds.models import RunStep

RUNNERS: Final[Mapping[StepType, Callable[[RunContext, RunStep], None]]] = {
    word: import_module(f"{__name__}.{word.lower()}").run for word in (StepType.INIT, *KINDS)
}
