"""`manage.py build`: presses from a shell; the log on stdout, the rest on stderr, the exit code follows the run."""

import io
import threading

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from builds.domain.access import Role
from builds.domain.states import EndReason
from builds.models import Build, BuildRun
from tests.api.making import begin, end, say
from tests.support.people import make_build, make_person
from tests.support.waiting import wait_until


def run_command(*words: str) -> tuple[int, str, str]:
    """Return exit code, stdout and stderr of the command."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("build", *words, stdout=out, stderr=err)
    except CommandError as error:  # manage.py prints it on stderr and leaves with its code
        return error.returncode, out.getvalue(), err.getvalue() + str(error)
    except SystemExit as leaving:
        return int(leaving.code or 0), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


def test_a_press_by_name_is_accepted_as_the_first_superuser(administrator, build):
    code, out, err = run_command("hello", "--tag", "2.0")
    run = BuildRun.objects.get()
    assert (code, out) == (0, "")
    assert (run.build, run.requested_by, run.tag_name) == (build, administrator, "2.0")
    assert f"Run {run.pk} (hello #1) was accepted" in err


def test_a_press_by_number_is_accepted_as_the_user_that_is_named(caller, build):
    code, _out, _err = run_command(str(build.pk), "--user", "operator")
    assert code == 0
    assert BuildRun.objects.get().requested_by == caller.user


def test_a_refusal_is_said_on_stderr_with_exit_code_2(administrator, run):
    code, out, err = run_command("hello")
    assert (code, out) == (2, "")
    assert "Another run of this build waits or runs" in err
    assert BuildRun.objects.count() == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("nothing",), "There is no build nothing that administrator may see."),
        (("9" * 30,), "There is no build"),
        (("hello", "--tag", "a b"), "tag"),
        (("hello", "--user", "who"), "There is no active user who"),
        (("hello", "--user", "viewer"), "this needs the role operator"),
        (("hello", "--user", "stranger"), "There is no build hello that stranger may see."),
    ],
)
def test_what_cannot_be_pressed_is_said_and_nothing_is_made(administrator, account, build, words, sentence):
    make_person("viewer", Role.VIEWER, account)
    make_person("stranger", None, None)
    code, _out, err = run_command(*words)
    assert code == 2
    assert sentence in err
    assert not BuildRun.objects.exists()


def test_without_superuser_somebody_has_to_be_named(build):
    code, _out, err = run_command("hello")
    assert code == 2
    assert "--user" in err


def test_a_name_that_two_builds_have_is_refused_with_their_numbers(administrator, build, caller):
    other = make_build(caller, "FROM scratch\n", name="second")
    Build.objects.filter(pk=other.pk).update(name=build.name)
    code, _out, err = run_command("hello")
    assert code == 2
    assert f"{build.pk}, {other.pk}" in err


def follow_while(work, reason: EndReason) -> tuple[int, str, str]:
    """Follow a press while a thread is the worker: it takes the run, does `work` with its lease and ends it."""
    faults: list[BaseException] = []

    def be_the_worker() -> None:
        try:
            wait_until(BuildRun.objects.exists)
            lease = begin(BuildRun.objects.get())
            work(lease)
            end(lease, reason)
        except BaseException as error:  # noqa: BLE001  shown by the assertion below, in the test's own thread
            faults.append(error)
        finally:
            connection.close()

    worker = threading.Thread(target=be_the_worker)
    worker.start()
    answer = run_command("hello", "--follow")
    worker.join(20)
    assert faults == []
    return answer


@pytest.mark.django_db(transaction=True)
def test_follow_prints_each_line_once_and_leaves_with_0_when_done(administrator, build):
    def work(lease) -> None:
        for first in range(1, 2000, 100):
            say(lease, *(f"line {n}\n".encode() for n in range(first, first + 100)))

    code, out, err = follow_while(work, EndReason.DONE)
    assert code == 0
    assert out.splitlines() == [f"line {n}" for n in range(1, 2001)]
    assert "is done: 127.0.0.1:1/hello:1@sha256:" in err


@pytest.mark.django_db(transaction=True)
def test_follow_of_a_run_that_fails_leaves_with_1_and_says_why(administrator, build):
    code, out, err = follow_while(lambda lease: say(lease, b"oops\n"), EndReason.BUILD_FAILED)
    assert (code, out) == (1, "oops\n")
    assert "ended BUILD_FAILED: It failed." in err


@pytest.mark.django_db(transaction=True)
def test_follow_keeps_colours_and_drops_what_would_steer_the_terminal(administrator, build):
    hostile = b"\x1b[31mred\x1b[0m \x1b]0;title\x07 \x1b[2J\x08end\n"
    code, out, _err = follow_while(lambda lease: say(lease, hostile), EndReason.DONE)
    assert code == 0
    assert out == "\x1b[31mred\x1b[0m ]0;title [2Jend\n"


def test_a_run_that_cannot_be_executed_is_followed_to_its_end(administrator, build):
    build.steps.update(config={"docker_file": "FROM scratch", "context_path": "app"})
    code, out, err = run_command("hello", "--follow")
    assert (code, out) == (1, "")
    assert "ended DEFINITION_INVALID" in err
