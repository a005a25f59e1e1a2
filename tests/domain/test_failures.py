"""What went wrong and whose problem it is, from texts as engines and registries gave them (20.10, 26.1)."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builds.domain import failures
from builds.domain.failures import KINDS, Failure, Whose, build_failed, hint, push_failed
from builds.domain.known_errors import HINTS
from builds.domain.states import EndReason

SOLVE = "failed to solve with frontend dockerfile.v0: failed to create LLB definition: "
LOOKUP = "dial tcp: lookup no.such.host.invalid on 10.255.255.53:53: no such host"
DOCKERFILE = "FROM busybox\nRUN echo hi && \\\n    exit 7\n"


@pytest.mark.parametrize(
    "text",
    [
        "executor failed running [/bin/sh -c echo hi &&     exit 7]: exit code: 7",
        'process "/bin/sh -c echo hi &&     exit 7" did not complete successfully: exit code: 7',
    ],
)
def test_a_failed_instruction_is_named_with_line_and_exit_code(text):
    failure = build_failed(text, instruction="[2/2] RUN echo hi &&     exit 7", dockerfile=DOCKERFILE)
    assert failure.kind.id == "build.exited"
    assert failure.kind.end_reason is EndReason.BUILD_FAILED
    assert (failure.exit_code, failure.dockerfile_line) == (7, 2)
    assert failure.sentence == (
        "RUN echo hi && exit 7, line 2 of the Dockerfile, ended with exit code 7. Read the last lines of this step."
    )


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (137, "killed, probably out of memory"),
        (127, "command not found"),
        (126, "cannot be executed"),
        (139, "SIGSEGV"),
        (136, "ended by signal 8"),
    ],
)
def test_exit_codes_with_a_meaning_are_explained(code, words):
    failure = build_failed(f"executor failed running [x]: exit code: {code}", instruction="[2/2] RUN x")
    assert words in failure.sentence
    assert failure.exit_code == code


def test_a_kill_is_a_kind_of_its_own_and_other_codes_are_the_programs_own():
    assert build_failed("exit code: 137").kind.id == "build.out_of_memory"
    assert "(" not in build_failed("exit code: 1").message


def test_an_exit_code_known_otherwise_is_taken():
    assert build_failed("something", exit_code=3).exit_code == 3


@pytest.mark.parametrize(
    ("text", "kind", "whose"),
    [
        (SOLVE + "dockerfile parse error line 2: unknown instruction: RUNN", "build.dockerfile_invalid", "definition"),
        ("dockerfile parse error on line 2: unknown instruction: RUNN", "build.dockerfile_invalid", "definition"),
        (SOLVE + "file with no instructions", "build.dockerfile_invalid", "definition"),
        (SOLVE + "target stage zzz could not be found", "build.target_missing", "definition"),
        ('failed to compute cache key: "/nofile" not found: not found', "build.file_missing", "definition"),
        (
            "failed to compute cache key: failed to walk /data/tmp/b1/5: lstat /data/tmp/b1: no such file or directory",
            "build.file_missing",
            "definition",
        ),
        (SOLVE + "127.0.0.1:5000/none:1: not found", "build.base_not_found", "definition"),
        ("failed to load cache key: 127.0.0.1:5000/none:1: not found", "build.base_not_found", "definition"),
        (
            "docker.io/library/x:latest: failed to resolve source metadata for docker.io/library/x:latest: not found",
            "build.base_not_found",
            "definition",
        ),
        (
            "pulling from host H failed with status code [manifests 1]: 401 Unauthorized",
            "build.base_denied",
            "registry",
        ),
        ("unexpected status from HEAD request to http://h/v2/x: 401 Unauthorized", "build.base_denied", "registry"),
        (
            SOLVE + f'failed to do request: Head "https://no.such.host.invalid/v2/none/manifests/1": {LOOKUP}',
            "build.base_unreachable",
            "registry",
        ),
        (
            'failed to load cache key: Get "http://127.0.0.1:1/x": dial tcp 127.0.0.1:1: connect: connection refused',
            "build.host_unreachable",
            "definition",
        ),
        ("executor failed running [x]: exit code: 137: context canceled", "engine.stopped_build", "server"),
        ("no active sessions", "build.session_missing", "definition"),
        ("secret tok: not found", "build.session_missing", "definition"),
        ("write /var/lib/docker/tmp/x: no space left on device", "build.disk_full", "server"),
        ("executor failed running [x]: network bridge not found", "build.failed", "definition"),
        ("", "build.failed", "definition"),
    ],
)
def test_a_build_that_fails_without_exit_code_is_told_by_the_engines_words(text, kind, whose):
    failure = build_failed(text, instruction="[1/2] FROM x")
    assert failure.kind.id == kind
    assert failure.kind.whose == whose
    assert failure.exit_code is None
    assert SOLVE not in failure.sentence
    assert failure.remedy


def test_a_full_disk_is_the_servers_failure():
    assert build_failed("no space left on device").kind.end_reason is EndReason.SERVER_FAILED


def test_long_instructions_and_texts_are_cut_and_nul_is_shown():
    failure = build_failed("x\0" * 5000, instruction="[2/2] RUN " + "y" * 5000)
    assert failure.instruction == "RUN " + "y" * 296 + " …"
    assert len(failure.sentence) < 2600
    assert "\0" not in failure.sentence


def test_paths_of_the_engines_host_are_left_out():
    failure = build_failed("failed to compute cache key: lstat /srv/docker/tmp/buildkit-mount12/tmp/5: no such file")
    assert "lstat /tmp/5: no such file" in failure.message


def test_a_parse_error_names_its_line():
    failure = build_failed(
        SOLVE + "dockerfile parse error line 2: unknown instruction: RUNN", dockerfile="FROM a\nRUNN"
    )
    assert failure.dockerfile_line == 2
    assert "line 2" in failure.message


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("no basic auth credentials", "registry.unauthorized"),
        ("unauthorized: authentication required", "registry.unauthorized"),
        ("denied: requested access to the resource is denied", "registry.denied"),
        ('Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused', "registry.unreachable"),
        (f'Get "https://no.such.host.invalid/v2/": {LOOKUP}', "registry.unknown_host"),
        ('Get "https://h/v2/": x509: certificate signed by unknown authority', "registry.certificate"),
        ('Get "https://h/v2/": http: server gave HTTP response to HTTPS client', "registry.certificate"),
        ("received unexpected HTTP status: 500 Internal Server Error", "registry.failed"),
        ("unexpected EOF", "registry.unreachable"),
    ],
)
def test_a_failed_push_is_told_by_the_registrys_words(text, kind):
    failure = push_failed(text, registry="127.0.0.1:5000", repository="ops/app")
    assert failure.kind.id == kind
    assert failure.kind.whose is Whose.REGISTRY
    assert failure.kind.end_reason is EndReason.REGISTRY_FAILED
    assert "127.0.0.1:5000" in failure.message


@pytest.mark.parametrize(
    ("failure", "reason", "words"),
    [
        (failures.engine_unreachable("srv", "refused"), EndReason.SERVER_FAILED, "engine of srv does not answer"),
        (
            failures.engine_unsupported("srv", "Podman 4"),
            EndReason.SERVER_FAILED,
            "use: Podman 4 answers there. BuildHub",
        ),
        (failures.engine_connection_lost("srv"), EndReason.SERVER_FAILED, "no reason was given"),
        (failures.engine_disk_full("srv"), EndReason.SERVER_FAILED, "disk of srv is full"),
        (failures.manifest_lost(registry="r", reference="r/a:1"), EndReason.REGISTRY_FAILED, "accepted r/a:1"),
        (failures.worker_lost(3), EndReason.WORKER_LOST, "3 attempts"),
        (failures.worker_lost(1), EndReason.WORKER_LOST, "1 attempt did"),
        (failures.time_limit(3600), EndReason.TIME_LIMIT, "3600 seconds"),
        (failures.queue_limit(60), EndReason.QUEUE_LIMIT, "60 seconds"),
        (failures.cancelled("ann"), EndReason.CANCELLED, "cancelled by ann"),
        (failures.cancelled(), EndReason.CANCELLED, "was cancelled, and nothing"),
        (failures.not_confirmed("srv", "no answer"), EndReason.NOT_CONFIRMED, "srv stopped the run"),
        (failures.definition_invalid("dockerFile is empty."), EndReason.DEFINITION_INVALID, "dockerFile is empty."),
        (failures.internal("abc123"), EndReason.INTERNAL, "abc123"),
    ],
)
def test_every_other_end_has_its_word_and_its_sentence(failure, reason, words):
    assert failure.kind.end_reason is reason
    assert words in failure.sentence
    assert "{" not in failure.sentence
    assert "\n" not in failure.sentence


@pytest.mark.parametrize(
    "failure",
    [
        build_failed("exit code: 7", instruction="[2/2] RUN x", dockerfile="FROM a\nRUN x"),
        push_failed("denied {x}", registry="r", repository="p"),
        failures.cancelled(),
    ],
)
def test_facts_are_json_and_come_back(failure):
    assert Failure.from_facts(json.loads(json.dumps(failure.as_facts()))) == failure


def test_an_unknown_id_of_another_version_is_still_readable():
    facts = {**failures.cancelled().as_facts(), "id": "from.the.future"}
    assert Failure.from_facts(facts).kind.id == "buildhub.internal"


@given(text=st.text(max_size=80), instruction=st.none() | st.text(max_size=30))
def test_any_text_makes_a_failure_of_one_line(text, instruction):
    failure = build_failed(text, instruction=instruction, dockerfile=text)
    assert failure.kind.id in KINDS
    assert len(failure.sentence.splitlines()) == 1


KNOWN = [
    ("write /x: no space left on device", "disk is full"),
    ("toomanyrequests: You have reached your pull rate limit", "limits anonymous pulls"),
    ("manifest unknown: manifest unknown", "check its name and tag"),
    ("curl: (6) Could not resolve host: example.invalid", "could not be resolved"),
    ("x509: certificate signed by unknown authority", "TLS certificate"),
    ('failed to compute cache key: "/nofile" not found: not found', "file to copy is missing"),
    ("unknown instruction: RUNN", "check its spelling"),
    ("exec /bin/sh: exec format error", "another processor"),
    ("npm ERR! code E404", "npm does not know"),
    ("npm error code ERESOLVE", "npm ci"),
    ("E: Unable to locate package nosuch", "apt-get update"),
    ("E: Failed to fetch http://h/x.deb  404  Not Found", "apt's lists are old"),
    ("ERROR: No matching distribution found for nosuch==1", "pip does not find"),
    ("FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory", "ran out of memory"),
    ("/bin/sh: can't create /x: Permission denied", "USER, chmod"),
]


@pytest.mark.parametrize(("text", "words"), KNOWN)
def test_a_known_error_gets_its_hint(text, words):
    assert words in (hint(f"some output\n{text}\n") or "")
    assert words in build_failed("exit code: 1", tail=text).remedy


def test_every_hint_is_tested_and_other_text_has_none():
    assert len(KNOWN) == len(HINTS)
    assert hint("all is well") is None
