"""One file a kind of step. A step gets the context and its row, works, and raises when it cannot.

A new kind is a module here with `run(context, step)` and a line in `RUNNERS`.
"""

from collections.abc import Callable, Mapping
from typing import Final

from builds.domain.states import StepType
from builds.execution.context import RunContext
from builds.execution.steps import code_down, create_image, init
from builds.models import RunStep

RUNNERS: Final[Mapping[StepType, Callable[[RunContext, RunStep], None]]] = {
    StepType.INIT: init.run,
    StepType.CODE_DOWN: code_down.run,
    StepType.CREATE_IMAGE: create_image.run,
}
