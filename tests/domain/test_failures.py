"""What went wrong and whose problem it is, from texts as engines and registries gave them (20.10, 26.1)."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builds.domain import failures
from builds.domain.failures import KINDS, Failure, Whose, build_failed, hint, pull_failed, push_failed
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


RUN, COPY, FROM, NONE = "[2/2] RUN x", "[2/2] COPY x /x", "[internal] load metadata for h/x:1", None
KILLED = "executor failed running [x]: exit code: 137: context canceled"
FULL = "no space left on device"


@pytest.mark.parametrize(
    ("text", "vertex", "kind", "whose"),
    [
        (
            SOLVE + "dockerfile parse error line 2: unknown instruction: RUNN",
            NONE,
            "build.dockerfile_invalid",
            "definition",
        ),
        (SOLVE + "file with no instructions", NONE, "build.dockerfile_invalid", "definition"),
        (SOLVE + "target stage zzz could not be found", NONE, "build.target_missing", "definition"),
        ('failed to compute cache key: "/nofile" not found: not found', COPY, "build.file_missing", "definition"),
        (
            "failed to walk /data/tmp/b1/5: lstat /data/tmp/b1: no such file or directory",
            COPY,
            "build.file_missing",
            "definition",
        ),
        (SOLVE + "127.0.0.1:5000/none:1: not found", FROM, "build.base_not_found", "definition"),
        ("h/x:1: failed to resolve source metadata for h/x:1: not found", NONE, "build.base_not_found", "definition"),
        (
            "pulling from host H failed with status code [manifests 1]: 401 Unauthorized",
            FROM,
            "build.base_denied",
            "registry",
        ),
        (
            "unexpected status from HEAD request to http://h/v2/x: 401 Unauthorized",
            FROM,
            "build.base_denied",
            "registry",
        ),
        (
            f'failed to do request: Head "https://no.such.host.invalid/v2/none/manifests/1": {LOOKUP}',
            NONE,
            "build.base_unreachable",
            "registry",
        ),
        ("no match for platform in manifest: not found", FROM, "build.platform_missing", "definition"),
        ("toomanyrequests: You have reached your pull rate limit.", FROM, "build.base_limit", "registry"),
        ("invalid response status 404", "http://h/x", "build.address_refused", "definition"),
        (
            'Get "http://127.0.0.1:1/x": dial tcp 127.0.0.1:1: connect: connection refused',
            "http://127.0.0.1:1/x",
            "build.host_unreachable",
            "definition",
        ),
        (KILLED, RUN, "engine.stopped_build", "server"),
        ("no active sessions", RUN, "build.session_missing", "definition"),
        ("secret tok: not found", RUN, "build.session_missing", "definition"),
        ("secret tok not found: not found", RUN, "build.session_missing", "definition"),
        ('no SSH key "" forwarded from the client', RUN, "build.session_missing", "definition"),
        (f"write /var/lib/docker/tmp/x: {FULL}", "exporting to image", "build.disk_full", "server"),
        (f"failed to copy files: copy file range failed: {FULL}", COPY, "build.disk_full", "server"),
        (f"failed to add snapshot x to lease: write /d/meta.db: {FULL}: unknown", "", "build.disk_full", "server"),
        ("executor failed running [x]: network bridge not found", RUN, "engine.network", "server"),
        ('process "x" did not complete successfully: network bridge not found', RUN, "engine.network", "server"),
        # As reported for runc and containerd in public issues (docker/buildx 1309, apache/superset 13394).
        (
            "executor failed running [x]: OCI runtime create failed: no cgroups v2: unknown",
            RUN,
            "engine.runtime",
            "server",
        ),
        (
            'process "x" did not complete successfully: failed to create shim task: OCI runtime create failed: unknown',
            RUN,
            "engine.runtime",
            "server",
        ),
        (
            "executor failed running [x]: failed to mount /tmp/a: operation not permitted",
            RUN,
            "engine.runtime",
            "server",
        ),
        (
            "executor failed running [x]: fork/exec /usr/sbin/runc: cannot allocate memory",
            RUN,
            "engine.memory",
            "server",
        ),
        (
            "executor failed running [x]: fork/exec /usr/sbin/runc: resource temporarily unavailable",
            RUN,
            "engine.memory",
            "server",
        ),
        ("mkdir /var/lib/docker/overlay2/x: read-only file system", COPY, "engine.storage", "server"),
        ("open /var/lib/docker/x: too many open files", FROM, "engine.storage", "server"),
        (
            "executor failed running [x]: unable to find user nosuch: no matching entries in passwd file",
            RUN,
            "build.user_missing",
            "definition",
        ),
        (
            "executor failed running [x]: uids and gids must be in range 0-2147483647",
            RUN,
            "build.user_missing",
            "definition",
        ),
        (
            "executor failed running [x]: unable to find groups for spec root: invalid",
            RUN,
            "build.user_missing",
            "definition",
        ),
        ('failed to compute cache key: "/nothing" not found: not found', RUN, "build.file_missing", "definition"),
        ('failed to calculate checksum of ref a::b: "/nothing": not found', RUN, "build.file_missing", "definition"),
        (SOLVE + 'invalid mount target "/"', NONE, "build.dockerfile_invalid", "definition"),
        (
            SOLVE + "dockerfile line greater than max allowed size of 65535",
            NONE,
            "build.dockerfile_invalid",
            "definition",
        ),
        ("failed to load LLB: network.host is not allowed", NONE, "build.not_allowed", "definition"),
        ("", NONE, "build.failed", "definition"),
    ],
)
def test_a_build_that_fails_without_exit_code_is_told_by_the_part_of_the_engine_that_spoke(text, vertex, kind, whose):
    failure = build_failed(text, instruction=vertex)
    assert (failure.kind.id, failure.kind.whose, failure.exit_code) == (kind, whose, None)
    assert failure.kind.end_reason is (EndReason.SERVER_FAILED if whose == "server" else EndReason.BUILD_FAILED)
    assert SOLVE not in failure.sentence
    assert failure.remedy


@pytest.mark.parametrize("words", [FULL, "network bridge not found", "cannot allocate memory", "no active session"])
@pytest.mark.parametrize(
    ("text", "vertex", "kind"),
    [
        (
            "executor failed running [/bin/sh -c echo '{}'; exit 3]: exit code: 3",
            "RUN echo '{}'; exit 3",
            "build.exited",
        ),
        ("executor failed running [/bin/sh -c echo ']: {}']: exit code: 3", "RUN echo ']: {}'", "build.exited"),
        (
            'process "/bin/sh -c echo \\"{}\\"; exit 3" did not complete successfully: exit code: 3',
            "RUN echo",
            "build.exited",
        ),
        ('failed to compute cache key: "/{}" not found: not found', "COPY x y", "build.file_missing"),
        ('failed to calculate checksum of ref a::b: "/{}": not found', "COPY x y", "build.file_missing"),
        (
            'process "/bin/sh -c {}" did not complete successfully: unable to find user x: no matching',
            "RUN",
            "build.user_missing",
        ),
        ("executor failed running [/bin/sh -c {}]: unable to find user x: no matching", "RUN", "build.user_missing"),
    ],
)
def test_words_in_the_users_own_names_and_commands_are_no_cause(text, vertex, kind, words):
    failure = build_failed(text.format(words), instruction=f"[2/2] {vertex.format(words)}")
    assert (failure.kind.id, failure.looks_like) == (kind, None)


def test_what_a_program_printed_is_a_guess_and_no_cause():
    failure = build_failed("exit code: 1", instruction=RUN, tail=f"write /x: {FULL}")
    assert (failure.kind.id, failure.kind.end_reason) == ("build.exited", EndReason.BUILD_FAILED)
    assert failure.remedy == "Read the last lines of this step."
    assert failure.looks_like.startswith("Looks like the disk was full: ")
    assert failure.sentence.endswith(failure.looks_like)


LINES = "FROM busybox\nRUN set -eux; \\\n    echo; \\\n    curl -fsS http://h/; \\\n    true\n"


@pytest.mark.parametrize(
    "printed", ["/bin/sh: curl: not found", "/bin/sh: 1: curl: not found", "bash: line 3: curl: command not found"]
)
def test_a_command_that_is_not_in_the_image_is_named(printed):
    vertex = "[2/2] RUN set -eux;     echo;     curl -fsS http://h/;     true"
    failure = build_failed(
        "exit code: 127", instruction=vertex, dockerfile=LINES, tail=f"+ curl -fsS http://h/\n{printed}\n"
    )
    assert failure.message == "curl is not in this image (line 2): the instruction ended with exit code 127."
    assert failure.instruction == "RUN set -eux; echo; curl -fsS http://h/; true"
    assert (failure.kind.id, failure.exit_code, failure.dockerfile_line) == ("build.command_missing", 127, 2)


def test_a_command_that_the_instruction_does_not_name_is_not_claimed_to_be_missing():
    failure = build_failed(
        "exit code: 127", instruction="[2/2] RUN ./build.sh", tail="./build.sh: line 3: make: not found"
    )
    assert failure.kind.id == "build.exited"


def test_a_full_disk_is_the_servers_failure():
    assert build_failed("no space left on device").kind.end_reason is EndReason.SERVER_FAILED
    pull = pull_failed("write /var/lib/docker/tmp/x: no space left on device", registry="r", server="s")
    assert (pull.kind.id, pull.kind.whose) == ("build.disk_full", "server")


def test_long_instructions_and_texts_are_cut_and_nul_is_shown():
    failure = build_failed("x\0" * 5000, instruction="[2/2] RUN " + "y" * 5000)
    assert failure.instruction == "RUN " + "y" * 1996 + " …"
    assert len(failure.sentence) < 2400
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
        ('Get "https://h/v2/denied/quota/": dial tcp 127.0.0.1:1: connect: connection refused', "registry.unreachable"),
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
    ("write /x: no space left on device", "disk was full"),
    ("toomanyrequests: You have reached your pull rate limit", "limits requests"),
    ("curl: (6) Could not resolve host: example.invalid", "could not be resolved"),
    ("x509: certificate signed by unknown authority", "TLS certificate"),
    (
        'container_linux.go:380: starting container process caused: exec: "/x": stat /x: no such file or directory',
        "path",
    ),
    ("exec /bin/sh: exec format error", "another processor"),
    ("npm ERR! code E404", "npm does not know"),
    ("npm error code ERESOLVE", "npm ci"),
    ("E: Unable to locate package nosuch", "apt-get update"),
    ("E: Failed to fetch http://h/x.deb  404  Not Found", "apt's lists are old"),
    ("ERROR: No matching distribution found for nosuch==1", "pip does not find"),
    ("FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory", "ran out of memory"),
    ("runc run failed: unable to start container process: error mounting cgroup: no such device", "its runtime"),
    ("/bin/sh: can't create /x: Permission denied", "USER, chmod"),
]


@pytest.mark.parametrize(("text", "words"), KNOWN)
def test_a_known_error_gets_its_hint(text, words):
    assert words in (hint(f"some output\n{text}\n") or "")
    assert words in build_failed("exit code: 1", tail=text).looks_like


def test_every_hint_is_tested_and_other_text_has_none():
    assert len(KNOWN) == len(HINTS)
    assert hint("all is well") is None
