"""The words of the contract, each a model with a name of its own, so that generated clients have one type for it."""

from typing import Final

from builds.api.schema.words import Schema, word
from builds.domain.actions import LISTED
from builds.domain.error_codes import ErrorCode
from builds.domain.states import EndReason, RunState, RunType, StepState, StepType, WhenRunning
from builds.domain.tags import AutoTagSeqType

WORD_MODELS: Final[dict[str, Schema]] = {
    "YesNo": word(("Y", "N"), "Y is yes, N is no."),
    "RunType": word(RunType, "What a run does."),
    "RunState": word(RunState, "DONE and ERROR are final; what ended a run is `endReason`."),
    "EndReason": word(EndReason, "What ended a run."),
    "StepType": word(StepType, "Kind of a step."),
    "StepState": word(StepState, "Steps never reached stay WAIT."),
    "Action": word(LISTED, "What may be done."),
    "AutoTagSeqType": word(AutoTagSeqType, "What follows the prefix of an automatic tag."),
    "WhenRunning": word(WhenRunning, "What a press does while another run of the build is active."),
    "ErrorCode": word(ErrorCode, "Stable codes; each has its page under /docs/errors."),
}
