"""Write down what an engine answers, raw, as vectors for `test_vectors.py`: one file an engine and image store.

Not collected by itself. For all engines: `scripts/engines/table.py --tests tests/engine/capture.py`.
"""

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from docker.auth import encode_header
from docker.errors import APIError

from builds.engine import building
from builds.engine.client import EngineClient, refusal_text
from builds.engine.docker import Engine
from builds.engine.json_lines import json_lines
from builds.engine.registry import RegistryClient
from builds.engine.session import Session
from builds.engine.types import Endpoint
from tests.engine.refusing import REFUSALS, refusing
from tests.engine.registries import OwnRegistry, htpasswd_settings
from tests.engine.support import mark, request
from tests.support.bridges import remove_bridge
from tests.support.images import make_base_image
from tests.support.services import Services
from tests.support.waiting import free_port

VECTORS = Path(__file__).with_name("vectors")
Records = list[dict[str, Any]]


class Capture:
    """Asks one engine, keeps its answers by name, and writes them."""

    def __init__(self, engine: Engine, registry: str) -> None:
        self.engine, self.registry = engine, registry
        self.info = engine.info()
        self.answers: dict[str, dict[str, Any]] = {}

    def keep(self, name: str, method: str, path: str, *, on_record=lambda _: None, **options: Any) -> Records:
        """Send a request and keep the answer's status and records; `on_record` sees each as it comes."""
        client: EngineClient = self.engine._new_client(60)
        records: Records = []
        status = 200
        try:
            with client.ask(method, path, stream=True, **options) as response:
                for record in json_lines(response, name):
                    records.append(record)
                    on_record(record)
        except APIError as error:
            status, records = error.response.status_code, [{"message": refusal_text(error)}]
        finally:
            client.close()
        self.answers[name] = {"status": status, "records": records}
        return records

    def build(self, name: str, dockerfile: str, *, on_record=lambda _, build_id: None, **asked: Any) -> None:
        """Build and keep, with the Dockerfile; `on_record` gets each record and the id of the build."""
        wanted = request(dockerfile, **asked)
        with self.engine._new_client(60) as client, Session(wanted.context) as session:
            session.open(client)
            self.keep(
                name,
                "POST",
                "/build",
                params=building.parameters(wanted, session.id),
                on_record=lambda record: on_record(record, wanted.build_id),
            )
        self.answers[name]["dockerfile"] = dockerfile

    def push(self, name: str, repository: str, account: dict[str, str] | None = None) -> None:
        """Push `repository:1` and keep."""
        headers = {"X-Registry-Auth": encode_header(account or {}).decode()}
        self.keep(name, "POST", f"/images/{repository}/push", params={"tag": "1"}, headers=headers)

    def pull(self, name: str, repository: str, digest: str) -> None:
        """Pull by digest and keep."""
        headers = {"X-Registry-Auth": encode_header({}).decode()}
        self.keep(name, "POST", "/images/create", params={"fromImage": repository, "tag": digest}, headers=headers)

    def of(self, engine: Engine) -> "Capture":
        """Return one that asks another engine and keeps its answers with these."""
        other = Capture(engine, self.registry)
        other.answers = self.answers
        return other

    def write(self) -> Path:
        """Write what was kept; return the file."""
        path = VECTORS / f"docker-{self.info.version.partition('+')[0]}-{self.info.image_store}.json"
        told = {"version": self.info.version, "store": self.info.image_store, "answers": self.answers}
        path.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n")
        return path


@pytest.fixture
def capture(engine, registry_host):
    return Capture(engine, registry_host)


def test_capture(capture, base_image, tmp_path):
    builds(capture, base_image)
    cancelled(capture, base_image)
    pushes_and_pulls(capture, base_image, tmp_path)
    refused_pushes(capture)
    server_faults(capture, base_image)
    written = json.loads(capture.write().read_text())
    assert len(written["answers"]) == len(capture.answers) > 20


def builds(capture: Capture, base: str) -> None:
    """Builds that end well, and each way to fail."""
    once = f": {mark()}"
    whole = f"FROM {base}\nRUN {once}; echo out; echo err >&2\nRUN echo second > /second\n"
    capture.build("build", whole, tags=(f"{capture.registry}/tests/whole:1",))
    capture.build("build_cached", whole, tags=(f"{capture.registry}/tests/whole:1",))
    for name, dockerfile in FAILING.items():
        capture.build(name, dockerfile.format(base=base, once=once, registry=capture.registry, nobody=free_port()))
    capture.build("build_target_missing", f"FROM {base}\n", target="nowhere")
    for name, trigger in ONBUILD.items():
        asked = f"{capture.registry}/tests/{name}:1"
        capture.engine.build(request(f"FROM {base}\n{trigger}\n", tags=(asked,)), lambda _: None, threading.Event())
        capture.build(name, f"# child\nFROM {asked}\nRUN echo fine\nRUN {once}\n")


ONBUILD = {
    "build_onbuild_exit": "ONBUILD RUN exit 3",
    "build_onbuild_exit_second": "ONBUILD RUN echo first\nONBUILD RUN exit 4",
    "build_onbuild_file_missing": "ONBUILD COPY nothing /x",
}
COUNTED = "".join(f"RUN echo {n}\n" for n in range(8))
FAILING = {
    "build_exit": "FROM {base}\nRUN {once}; echo before; exit 7\nRUN echo after\n",
    "build_exit_in_a_stage": "FROM {base} AS first\nRUN {once}; exit 3\nFROM {base}\nCOPY --from=first /bin/sh /x\n",
    "build_exit_in_an_unnamed_stage": "FROM {base}\nRUN {once}; exit 3\nFROM {base}\nCOPY --from=0 /bin/sh /x\n",
    "build_exit_with_code_in_text": "FROM {base}\nRUN {once}; echo 'tests ended with exit code: 0'; exit 5\n",
    "build_exit_with_code_in_command": ('FROM {base}\nRUN {once}; (false || echo "failed, exit code: 1") && exit 42\n'),
    "build_exit_after_server_words": ('FROM {base}\nRUN {once}; echo "write /x: no space left on device"; exit 1\n'),
    "build_exit_of_ten_and_more": "FROM {base}\nRUN {once}\nRUN {once}; exit 6\n" + COUNTED,
    "build_exit_of_ten_and_more_in_a_stage": (
        "FROM {base} AS one\nRUN {once}\nRUN {once}; exit 6\n" + COUNTED + "FROM {base}\nCOPY --from=one /bin/sh /x\n"
    ),
    "build_exit_of_lines": (
        "FROM {base}\nRUN set -eux; \\\n    {once}; \\\n    # why\n    curl -fsS http://h/; \\\n    true\n"
    ),
    "build_not_found": "FROM {base}\nRUN {once}; nosuchcommand\n",
    "build_not_executable": "FROM {base}\nRUN {once}; : > /s; /s\n",
    "build_no_shell": 'FROM {base}\nRUN ["/no/such/program"]\n',
    "build_exec_format": 'FROM {base}\nRUN printf "\\177ELF" > /s; chmod 755 /s\nRUN ["/s"]\n',
    "build_user_missing": "FROM {base}\nUSER nosuch\nRUN {once}\n",
    "build_workdir_on_a_file": "FROM {base}\nRUN : > /f\nWORKDIR /f/x\nRUN {once}\n",
    "build_unknown_instruction": "FROM {base}\nRUNN echo\n",
    "build_copy_without_target": "FROM {base}\nCOPY one\n",
    "build_unknown_flag": "FROM {base}\nRUN --nosuch=1 true\n",
    "build_unknown_mount": "FROM {base}\nRUN --mount=type=nosuch true\n",
    "build_port_invalid": "FROM {base}\nEXPOSE abc\n",
    "build_health_invalid": "FROM {base}\nHEALTHCHECK NOSUCH\n",
    "build_circular": "FROM two AS one\nFROM one AS two\n",
    "build_empty": "# nothing\n",
    "build_without_from": "RUN echo\n",
    "build_here_document": "FROM {base}\nRUN <<EOF\necho here\nEOF\n",
    "build_here_document_exit": "FROM {base}\nRUN echo one\nRUN <<EOF\necho here {once}\nexit 4\nEOF\nRUN echo two\n",
    "build_file_missing": "FROM {base}\nCOPY nothing /x\n",
    "build_file_missing_in_a_stage": "FROM {base} AS one\nFROM {base}\nCOPY --from=one /nothing /x\n",
    "build_file_named_like_a_fault": "FROM {base}\nCOPY no-space-left-on-device /x\n",
    "build_base_missing": "FROM {registry}/tests/no-such-image:1\n",
    "build_base_invalid": "FROM UPPER:lower:x\n",
    "build_base_blank": "ARG NOTHING\nFROM $NOTHING\n",
    "build_base_unreachable": "FROM 127.0.0.1:{nobody}/tests/base:1\n",
    "build_base_unknown_host": "FROM registry.invalid:5000/tests/base:1\n",
    "build_base_of_another_stage": (
        "FROM {base}\nRUN true\nFROM {registry}/tests/no-such-image:1\nCOPY --from=0 /bin/sh /x\n"
    ),
    "build_copied_image_missing": "FROM {base}\nCOPY --from={registry}/tests/no-such-image:1 /x /x\n",
    "build_frontend_unreachable": "# syntax=127.0.0.1:{nobody}/tests/frontend:1\nFROM {base}\n",
    "build_frontend_missing": "# syntax={registry}/tests/no-such-frontend:1\nFROM {base}\n",
    "build_address_refused": "FROM {base}\nADD http://127.0.0.1:{nobody}/x /x\n",
    "build_address_unknown_host": "FROM {base}\nADD http://files.invalid/x /x\n",
    "build_address_missing": "FROM {base}\nADD http://{registry}/v2/tests/nothing/manifests/1 /x\n",
    "build_secret_missing": "FROM {base}\nRUN --mount=type=secret,id=token,required=true {once}\n",
    "build_ssh_missing": "FROM {base}\nRUN --mount=type=ssh,required=true {once}\n",
}


def cancelled(capture: Capture, base: str) -> None:
    """Keep a build that is cancelled while an instruction sleeps."""
    asked: list[str] = []

    def cancel_once(record: dict[str, Any], build_id: str) -> None:
        if b"ready" in trace_output(record) and not asked:
            asked.append(build_id)
            capture.engine.cancel_build(build_id)

    capture.build("build_cancelled", f"FROM {base}\nRUN : {mark()}; echo ready; sleep 60\n", on_record=cancel_once)
    assert asked


def trace_output(record: dict[str, Any]) -> bytes:
    """Return what instructions have printed in one record of a build."""
    if record.get("id") != building.TRACE_ID:
        return b""
    return b"".join(log.data for log in building.decode_trace(record["aux"]).logs)


def pushes_and_pulls(capture: Capture, base: str, folder: Path) -> None:
    """Pushes and pulls that end well, and each way to fail."""
    whole = f"{capture.registry}/tests/whole"
    capture.push("push", whole)
    capture.push("push_again", whole)
    with RegistryClient(capture.registry, plain_http=True) as registry:
        digest = registry.digest("tests/whole", "1")
    capture.pull("pull_up_to_date", whole, digest)
    large = f"{capture.registry}/tests/large"
    capture.build("build_large", f"FROM {base}\nRUN dd if=/dev/urandom of=/large bs=1M count=8\n", tags=(f"{large}:1",))
    capture.push("push_large", large)
    with RegistryClient(capture.registry, plain_http=True) as registry:
        digest = registry.digest("tests/large", "1")
    capture.engine.remove_image(f"{large}:1")
    capture.engine._client.prune_builds()
    capture.pull("pull", large, digest)
    capture.pull("pull_manifest_missing", whole, f"sha256:{'0' * 64}")
    capture.pull("pull_repository_missing", f"{capture.registry}/tests/nothing", f"sha256:{'0' * 64}")
    capture.pull("pull_unreachable", f"127.0.0.1:{free_port()}/tests/whole", digest)
    capture.push("push_missing", f"{capture.registry}/tests/never-built")
    for name, repository in {
        "push_unreachable": f"127.0.0.1:{free_port()}/tests/whole",
        "push_unknown_host": "registry.invalid:5000/tests/whole",
    }.items():
        capture.engine.tag_image(f"{whole}:1", repository, "1")
        capture.push(name, repository)
    with OwnRegistry(folder, **htpasswd_settings(folder)) as own:
        repository = f"{own.host}/closed/whole"
        capture.engine.tag_image(f"{whole}:1", repository, "1")
        capture.push("push_without_login", repository)
        capture.push("push_wrong_login", repository, {"username": "tester", "password": "guessed-it"})
        capture.pull("pull_without_login", repository, digest)
        capture.build("build_base_closed", f"FROM {own.host}/closed/whole:1\n", pull=True)


def refused_pushes(capture: Capture) -> None:
    """Keep pushes that a registry refuses by a rule or a fault of its own."""
    for name, refusal in REFUSALS.items():
        with refusing(capture.registry, refusal) as host:
            repository = f"{host}/tests/refused-{name.replace('_', '-')}"
            dockerfile = f"FROM scratch\nLABEL it={mark()}\nCOPY . /\n"
            capture.engine.build(request(dockerfile, tags=(f"{repository}:1",)), lambda _: None, threading.Event())
            capture.push(name, repository)
            capture.engine.remove_image(f"{repository}:1")


def server_faults(capture: Capture, base: str) -> None:
    """Keep what an engine says that has no bridge or no room."""
    filled, once = "dd if=/dev/urandom of=/x bs=1M count=60", f": {mark()}"
    with own_engine(capture) as (small, bridge):
        remove_bridge(bridge)
        small.build("server_bridge_gone", f"FROM {base}\nRUN {once}\n")
    with own_engine(capture, megabytes=48) as (small, _):
        large = f"{capture.registry}/tests/large:1"
        for name, dockerfile in {
            "server_disk_full_by_program": f"FROM {base}\nRUN {once}; {filled}\n",
            "server_disk_full_by_copy": (
                f"FROM {base} AS one\nRUN {once}; dd if=/dev/urandom of=/x bs=1M count=24\n"
                f"FROM {base}\nCOPY --from=one /x /y\n"
            ),
            "server_disk_full_by_pull": (
                f"FROM {base} AS one\nRUN {filled} || sleep 5\nFROM {large}\nCOPY --from=one /x /y\n"
            ),
            "server_disk_full_at_export": f"FROM {base}\nRUN {once} 2; {filled} || true\n",
        }.items():
            small.build(name, dockerfile, tags=("tests/full:1",))


@contextmanager
def own_engine(capture: Capture, *, megabytes: int = 0) -> Iterator[tuple[Capture, str]]:
    """Start another engine of the same kind, on a file system of `megabytes`; yield its capture and its bridge."""
    services = Services()
    data = services.home / "engine"
    data.mkdir()
    if megabytes:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", data], check=True)
    try:
        url = services.engine()
        make_base_image(url)
        engine = Engine(Endpoint(url))
        try:
            yield capture.of(engine), services.bridge
        finally:
            engine.close()
    finally:
        services.stop_children()
        if megabytes:
            subprocess.run(["umount", data], check=True)
        services.stop()
