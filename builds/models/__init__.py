"""Tables, constraints and tiny properties; no workflow. The database is the truth about every run."""

from builds.models.accounts import Account, Membership
from builds.models.activity import Activity, Did
from builds.models.build import Build, BuildStep
from builds.models.build_counts import BuildCounts, BuildTag
from builds.models.callback import CallbackDelivery, CallbackEvent, DeliveryAttempt, DeliveryState
from builds.models.caller import Caller
from builds.models.connections import BuildServer, EngineFacts, KnownHost, Registry, WorkerCluster, WorkerHost
from builds.models.context import ContextChunk, UploadedContext
from builds.models.installation import Installation
from builds.models.kept_answer import KeptAnswer
from builds.models.log_chunk import LogChunk
from builds.models.open_lines import OpenLines
from builds.models.run import BuildRun
from builds.models.run_event import RunEvent
from builds.models.run_step import RunStep
from builds.models.token import ApiToken
from builds.models.wrong_tokens import WrongTokens

__all__ = [
    "Account",
    "Activity",
    "ApiToken",
    "Build",
    "BuildCounts",
    "BuildRun",
    "BuildServer",
    "BuildStep",
    "BuildTag",
    "CallbackDelivery",
    "CallbackEvent",
    "Caller",
    "ContextChunk",
    "DeliveryAttempt",
    "DeliveryState",
    "Did",
    "EngineFacts",
    "Installation",
    "KeptAnswer",
    "KnownHost",
    "LogChunk",
    "Membership",
    "OpenLines",
    "Registry",
    "RunEvent",
    "RunStep",
    "UploadedContext",
    "WorkerCluster",
    "WorkerHost",
    "WrongTokens",
]
