"""How a state looks: word, icon and colour always together, so that none has to be told by colour alone."""

from dataclasses import dataclass
from typing import Final

from builds.domain.states import EndReason, RunState, RunType
from builds.models import BuildRun


@dataclass(frozen=True, slots=True)
class Look:
    """One state for people; `name` is its CSS class, icon and favicon, `mark` leads the title of the tab."""

    name: str
    word: str
    mark: str

    @property
    def spins(self) -> bool:
        """True for what is alive: its icon turns."""
        return self.name in ("running", "cancelling")

    @property
    def favicon(self) -> str:
        """Return the path of the tab's icon below the static files."""
        return f"img/state-{self.name}.svg"


WAITING: Final = Look("waiting", "Waiting", "…")
RUNNING: Final = Look("running", "Running", "▶")
CANCELLING: Final = Look("cancelling", "Cancelling", "◌")
DONE: Final = Look("done", "Done", "✓")
FAILED: Final = Look("failed", "Failed", "✕")
CANCELLED: Final = Look("cancelled", "Cancelled", "⊘")
LOST: Final = Look("lost", "Lost", "?")
NEVER: Final = Look("never", "Never run", "")

WHOSE: Final = {
    "definition": "Problem of the definition",
    "source": "Problem of the source",
    "registry": "Problem of the registry",
    "server": "Problem of the build server",
    "remote": "Problem of the server that the step talks to",
    "buildhub": "Problem of BuildHub",
}
KINDS: Final = {RunType.CANCEL: "Cancel of", RunType.REMOVE: "Removal of"}


def look_of(run: BuildRun | None) -> Look:
    """Return how a run's state looks; None is a build that has never run."""
    if run is None:
        return NEVER
    match RunState(run.run_state):
        case RunState.DONE:
            return DONE
        case RunState.ERROR if run.end_reason == EndReason.CANCELLED:
            return CANCELLED
        case RunState.ERROR:
            return LOST if run.end_reason == EndReason.WORKER_LOST else FAILED
        case RunState.CREATED:
            return CANCELLING if run.cancel_requested_at else WAITING
        case RunState.RUNNING:
            return CANCELLING if run.cancel_requested_at else RUNNING
