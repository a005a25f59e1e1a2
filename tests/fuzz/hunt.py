"""Runs schemathesis against BuildHub in this process: every check and phase, a fixed seed, a bounded number of cases.

The application is called through WSGI on one database connection, so that 2,000 cases take about a minute.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest
import schemathesis
import werkzeug
from django.core.wsgi import get_wsgi_application
from django.db import connections
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from schemathesis.python import wsgi

SEED = 20221202
# Rules that no JSON Schema tells (exactly one image step, names that the definition lists, what an address may be,
# what an archive is):
# a well-formed request may be refused there, always with the field's name.
BY_RULE = (
    "createBuild", "editBuild", "importBuild", "repeatRun", "startRun", "pushAgain", "cancelRun", "removeBuild",
    "createServer", "editServer", "createRegistry", "editRegistry", "listBuilds", "findRun", "exportRun", "testSource",
    "uploadContext",
)  # fmt: skip
RULES = [
    {
        "include-operation-id": list(BY_RULE),
        "checks": {"positive_data_acceptance": {"expected-statuses": ["2xx", 400, 401, 403, 404, 409, 429]}},
    },
]
# Their bodies are those of createBuild (worth a thousand cases of the systematic phase), createServer, createRegistry.
ALIKE_IDS = ["editBuild", "repeatRun", "editServer", "editRegistry"]
ALIKE = [{"include-operation-id": ALIKE_IDS, "phases": {"coverage": {"enabled": False}}}]
# These judge by the HTTP status, which is 200 in the enveloped dialect whatever happened.
BY_STATUS = (
    "negative_data_rejection", "positive_data_acceptance", "unsupported_method", "use_after_free",
    "ensure_resource_availability", "missing_required_header",
)  # fmt: skip
OF_NETWORKS = ("max_redirects", "verify", "cert", "proxies")
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterator[bytes]]


@dataclass
class Hunt:
    """What a run of schemathesis has done and found."""

    cases: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    by_operation: dict[str, Counter[int]] = field(default_factory=dict)
    by_phase: Counter[str] = field(default_factory=Counter)
    failures: dict[str, str] = field(default_factory=dict)  # one of each kind and operation
    errors: list[str] = field(default_factory=list)

    @property
    def summary(self) -> str:
        """Return counts in one line."""
        phases = ", ".join(f"{phase} {count}" for phase, count in self.by_phase.items())
        statuses = ", ".join(f"{status}: {count}" for status, count in sorted(self.statuses.items()))
        return f"{self.cases} cases ({phases}); {statuses}; {len(self.failures)} kinds of failures"

    def note(self, event: events.ScenarioFinished) -> None:
        """Count what a scenario sent, and keep what its checks say."""
        recorder = event.recorder
        for identity, interaction in recorder.interactions.items():
            status = interaction.response.status_code if interaction.response is not None else 0
            label = recorder.cases[identity].value.operation.label if identity in recorder.cases else "?"
            self.cases += 1
            self.statuses[status] += 1
            self.by_phase[str(event.phase.value)] += 1
            self.by_operation.setdefault(label, Counter())[status] += 1
        for identity, checks in recorder.checks.items():
            for check in checks:
                if check.failure_info is not None:
                    self._note_failure(recorder.cases[identity].value, check)

    def _note_failure(self, case: Any, check: Any) -> None:
        failure = check.failure_info.failure
        kind = f"{case.operation.label}: {check.name}: {failure.title}"
        first_line = failure.message.splitlines()[:12]
        self.failures.setdefault(kind, "\n".join([*first_line, check.failure_info.code_sample]))


def hunt(prefix: str, token: str, *, size: Any, every_body: bool, tick: Callable[[], None]) -> Hunt:
    """Send cases to every operation at `prefix` as the owner of `token`; `tick` is called before each request.

    `every_body`: the systematic phase goes through the bodies of all operations, not only of one of those alike.
    """
    found = Hunt()
    application = on_one_connection(get_wsgi_application(), tick)
    config = SchemathesisConfig.from_dict(_settings(prefix, token, size, every_body=every_body))
    schema = schemathesis.openapi.from_wsgi(f"{prefix}/openapi.json", application, config=config)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wsgi, "get_client", Client)
        for event in from_schema(schema).execute():
            match event:
                case events.ScenarioFinished():
                    found.note(event)
                case events.Interrupted():
                    raise KeyboardInterrupt  # schemathesis has swallowed it, and the next hunt would begin
                case events.NonFatalError() | events.FatalError():
                    found.errors.append(str(getattr(event, "info", None) or event))
    return found


class Client(werkzeug.Client):
    """Drops what schemathesis 4.32.5 hands to an application in the same process as if a network were between."""

    def open(self, *words: Any, **options: Any) -> Any:
        """Open without those options."""
        return super().open(*words, **{name: value for name, value in options.items() if name not in OF_NETWORKS})


def on_one_connection(application: Any, tick: Callable[[], None]) -> Application:
    """Return `application` on the connection of the thread that asks for this, whatever thread calls it.

    Of ten keys of idempotency nine are made different: else most cases would be refused as "another request".
    """
    shared = connections["default"]
    shared.inc_thread_sharing()
    numbers = count()

    def call(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
        connections["default"] = shared
        number = next(numbers)
        if number % 10 and 0 < len(key := environ.get("HTTP_IDEMPOTENCY_KEY", "")) < 200:
            environ["HTTP_IDEMPOTENCY_KEY"] = f"{key}-{number}"
        tick()
        answer: Iterator[bytes] = application(environ, start_response)
        return answer

    return call


def _settings(prefix: str, token: str, size: Any, *, every_body: bool) -> dict[str, Any]:
    return {
        "seed": SEED,
        "workers": 1,
        "continue-on-failure": True,
        "suppress-health-check": ["all"],
        "headers": {"Authorization": f"Bearer {token}"},
        "generation": {"database": "none", "no-shrink": True},
        "phases": {
            "coverage": {"enabled": size.coverage},
            "fuzzing": {"generation": {"max-examples": size.fuzzing}},
            "stateful": {"generation": {"max-examples": size.scenarios}},
        },
        "checks": {name: {"enabled": False} for name in (BY_STATUS if prefix == "/api" else ())},
        "operations": [*RULES, *([] if every_body else ALIKE)],
    }
