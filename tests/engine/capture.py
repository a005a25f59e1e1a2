"""Write down what an engine answers, raw, as vectors for `test_vectors.py`: one file an engine and image store.

Not collected by itself. For all engines: `scripts/engines/table.py --tests tests/engine/capture.py`.
"""

import json
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
from tests.engine.registries import OwnRegistry, htpasswd_settings
from tests.engine.support import mark, request
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
        self.keep(
            name,
            "POST",
            "/build",
            data=iter(wanted.context()),
            params=building._parameters(wanted),
            headers={"Content-Type": "application/x-tar"},
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


FAILING = {
    "build_exit": "FROM {base}\nRUN {once}; echo before; exit 7\nRUN echo after\n",
    "build_exit_in_a_stage": "FROM {base} AS first\nRUN {once}; exit 3\nFROM {base}\nCOPY --from=first /bin/sh /x\n",
    "build_exit_with_code_in_text": "FROM {base}\nRUN {once}; echo 'tests ended with exit code: 0'; exit 5\n",
    "build_not_found": "FROM {base}\nRUN {once}; nosuchcommand\n",
    "build_no_shell": 'FROM {base}\nRUN ["/no/such/program"]\n',
    "build_unknown_instruction": "FROM {base}\nRUNN echo\n",
    "build_empty": "# nothing\n",
    "build_without_from": "RUN echo\n",
    "build_here_document": "FROM {base}\nRUN <<EOF\necho here\nEOF\n",
    "build_file_missing": "FROM {base}\nCOPY nothing /x\n",
    "build_base_missing": "FROM {registry}/tests/no-such-image:1\n",
    "build_base_unreachable": "FROM 127.0.0.1:{nobody}/tests/base:1\n",
    "build_base_unknown_host": "FROM registry.invalid:5000/tests/base:1\n",
    "build_secret_missing": "FROM {base}\nRUN --mount=type=secret,id=token,required=true {once}\n",
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
