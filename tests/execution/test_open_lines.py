"""What a real build prints without a line end: seen while it runs, told in no log twice, gone however the run ends."""

import os
import signal

import pytest

from builds import credentials
from builds.models import BuildRun, OpenLines, Registry
from builds.queries.log import iterate_bytes, open_now
from builds.services.runs.cancel_and_remove import request_cancel
from tests.support.runs import ended, marked_sleep, press, texts
from tests.support.waiting import wait_until


def open_texts(run: BuildRun) -> list[str]:
    return [one.line.text for one in open_now(run.pk).lines]


def until_open(run: BuildRun, text: str) -> None:
    """Wait until a line is open that looks like `text`."""
    wait_until(lambda: text in open_texts(run), timeout=60, message=lambda: f"{open_texts(run)}, {texts(run)[-3:]}")


def test_a_redrawn_line_is_open_until_it_is_finished(workers, caller, build_of):
    shell = 'for i in 1 2 3; do printf "\\r$i of 3 "; sleep 1; done; echo; printf "half "; sleep 2'
    run = press(build_of(f"RUN {shell}"), caller)
    for text in ("1 of 3 ", "2 of 3 ", "half "):
        until_open(run, text)
    ended(run)
    assert run.run_state == "DONE"
    assert not OpenLines.objects.exists()
    assert b"\r1 of 3 \r2 of 3 \r3 of 3 \nhalf " in b"".join(iterate_bytes(run.pk))
    assert texts(run).count("half ") == 1


def test_nothing_is_open_once_a_run_is_cancelled(workers, caller, build_of):
    instruction, _marker = marked_sleep()
    run = press(build_of(instruction.replace("echo ready", 'printf "half "')), caller)
    until_open(run, "half ")
    request_cancel(run_id=run.pk, caller=caller)
    ended(run)
    assert run.end_reason == "CANCELLED"
    assert not OpenLines.objects.exists()
    assert "half " in texts(run)


@pytest.mark.faults
def test_nothing_is_open_of_a_lost_attempt(workers, caller, build_of):
    instruction, _marker = marked_sleep()
    run = press(build_of(instruction.replace("echo ready", 'printf "half "')), caller)
    until_open(run, "half ")
    run.refresh_from_db()
    os.kill(int(run.lease_owner.rpartition("/")[2]), signal.SIGKILL)
    request_cancel(run_id=run.pk, caller=caller)
    ended(run, timeout=90)
    assert run.end_reason == "CANCELLED"
    assert not OpenLines.objects.exists()


def test_of_a_secret_that_is_printed_slowly_nothing_is_open(workers, caller, build_of):
    secret = "kQ8#zW5!vJ3"
    shell = "".join(f"printf '{character}'; sleep 0.2; " for character in secret)
    build = build_of(f"RUN printf 'my secret: '; {shell} printf ' .'; sleep 1; echo")
    Registry.objects.update(username="tester", password_encrypted=credentials.encrypt(secret))
    run = press(build, caller)
    seen: set[str] = set()

    def look() -> bool:
        seen.update(open_texts(run))
        run.refresh_from_db()
        return run.is_final

    wait_until(look, timeout=60)
    assert "my secret: *** ." in texts(run)
    assert "my secret: *** ." in seen
    assert all("my secret: *** .".startswith(text) for text in seen)
