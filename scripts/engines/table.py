"""The tests of builds, pushes and faults on the Docker Engines that people run: one row an engine, one table.

Each engine is that of a Debian release, made by `debian_root.sh` and started by the tests themselves through the
`dockerd` beside this file. Root only, not part of `make test`. Ends with 1 where a row is red or where the machine's
own interfaces, packet filter or engine are not as they were.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from tests.support.machine import Machine

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
RELEASES = Path(os.environ.get("BUILDHUB_TEST_ROOTS", "/var/cache/buildhub"))
PACKAGES = ("docker.io", "iptables")
TESTS = ("tests/engine", "tests/execution", "tests/faults", "tests/e2e/test_press_and_watch.py")
LINE = "{:<22} {:<12} {:<5} {:>6} {:>6} {:>7}"


@dataclass(frozen=True)
class Row:
    """One engine as the tests meet it."""

    release: str
    store: str = "docker"
    oldest_api: str = ""
    tests: tuple[str, ...] = TESTS

    @property
    def name(self) -> str:
        """Return the name by which a row is chosen on the command line."""
        return "-".join(filter(None, (self.release, self.store, self.oldest_api)))


ROWS = (
    Row("bookworm"),
    Row("trixie"),
    Row("trixie", "containerd"),
    Row("sid"),
    Row("sid", "containerd"),
    Row("sid", "containerd", "1.44"),  # as Docker Engine 29 is installed
)


@dataclass(frozen=True)
class Result:
    """How a row ended; `engine` is what the engine itself says: version, store, API spoken."""

    engine: tuple[str, str, str]
    passed: int
    failed: int
    seconds: float


def main() -> int:
    """Run the chosen rows and print the table."""
    arguments = _arguments()
    machine, engines = Machine(), _engines()
    results = [(row, _run(row, arguments.tests or row.tests)) for row in arguments.rows or ROWS]
    print("\n" + LINE.format("engine", "image store", "API", "passed", "failed", "seconds"))
    for row, result in results:
        version, store, api = result.engine
        print(
            LINE.format(f"{version} ({row.release})", store, api, result.passed, result.failed, f"{result.seconds:.0f}")
        )
    changes = [*machine.changes(), *(f"this engine has ended: {line}" for line in engines - _engines())]
    print("\n".join(changes) or "interfaces, packet filter, processes and engines of this machine: as before")
    red = any(result.failed or not result.passed or not _is_as_asked(row, result) for row, result in results)
    return 1 if red or changes else 0


def _arguments() -> argparse.Namespace:
    rows = {row.name: row for row in ROWS}
    parser = argparse.ArgumentParser(prog="scripts/engines/table.py", description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="*", type=rows.__getitem__, metavar="ROW", help=", ".join(rows))
    parser.add_argument("--tests", nargs="+", help=f"instead of {' '.join(TESTS)}")
    return parser.parse_args()


def _run(row: Row, tests: tuple[str, ...]) -> Result:
    folder = RELEASES / row.release
    subprocess.run([ROOT / "scripts" / "debian_root.sh", row.release, folder, *PACKAGES], check=True)
    with tempfile.TemporaryDirectory(prefix="buildhub-engines-") as home:
        settings, report = Path(home) / "daemon.json", Path(home) / "report.xml"
        settings.write_text(json.dumps({"features": {"containerd-snapshotter": row.store == "containerd"}}))
        print(f"\n{row.name}: {' '.join(tests)}", flush=True)
        began = time.monotonic()
        subprocess.run(
            [
                sys.executable,
                "-m",
                "pytest",
                "-q",
                "-p",
                "no:cacheprovider",
                f"--junitxml={report}",
                "-o",
                "junit_family=xunit1",
                *tests,
            ],
            cwd=ROOT,
            env={
                **os.environ,
                "PATH": f"{HERE}:{os.environ['PATH']}",
                "PYTHONPATH": str(ROOT),
                "BUILDHUB_TEST_ENGINE_ROOT": str(folder),
                "BUILDHUB_TEST_ENGINE_SETTINGS": str(settings),
                "BUILDHUB_TEST_ENGINE_OLDEST_API": row.oldest_api,
            },
            check=False,
        )
        return _read(report, time.monotonic() - began)


def _read(report: Path, seconds: float) -> Result:
    """Return the result that pytest's report tells; a report that was never written is one failure."""
    if not report.exists():
        return Result(("?", "?", "?"), 0, 1, seconds)
    tree = ElementTree.parse(report)  # noqa: S314  pytest's own file
    suite = next(tree.iter("testsuite"))
    counts = {name: int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")}
    failed = counts["failures"] + counts["errors"]
    told = [found.get("value", "") for found in tree.iter("property") if found.get("name") == "engine"]
    version, store, api = (*(told[0] if told else "").split(), "?", "?", "?")[:3]
    return Result((version, store, api), counts["tests"] - counts["skipped"] - failed, failed, seconds)


def _is_as_asked(row: Row, result: Result) -> bool:
    """Say whether the tests met the engine that the row names."""
    _, store, api = result.engine
    return store == row.store and (not row.oldest_api or api == row.oldest_api)


def _engines() -> set[str]:
    """Return the engines that run on this machine, but those of other test runs."""
    said = subprocess.run(["pgrep", "-a", "-x", "dockerd"], capture_output=True, text=True, check=False).stdout
    return {line for line in said.splitlines() if "/buildhub-test-" not in line}


if __name__ == "__main__":
    sys.exit(main())
