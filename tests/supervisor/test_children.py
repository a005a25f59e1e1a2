"""Children and their guardian: started again, taken down, never lost."""

import os
import signal
import sys

import pytest

from supervisor import children as children_module
from supervisor.files import CannotStart
from supervisor.processes import Command, is_frozen, is_running, mark_of, stragglers
from tests.support.waiting import wait_until

SLEEP = "import time; time.sleep(600)"
WITH_SECOND = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEP!r}]); {SLEEP}"


def python(code, key="child", **more):
    return Command(key=key, name=key, argv=(sys.executable, "-c", code), **more)


def marked(children, key=""):
    return set(stragglers(mark_of(children.data_dir, key)))


def test_a_child_that_dies_is_started_again_with_its_whole_group_gone(children):
    first = children.start(python(WITH_SECOND)).pid
    old = wait_until(lambda: len(marked(children)) == 2 and marked(children), message="no second process")
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: children.tend() and len(marked(children) - old) == 2, message="not started again")
    assert not any(is_running(pid) for pid in old)


def test_the_pause_before_a_restart_grows_up_to_ten_seconds(children):
    child = children.start(python("raise SystemExit(1)", log=children.data_dir / "log"))
    pauses = []
    while child.pause_seconds < 10.0:
        child.due_at = 0.0  # as if the pause were over
        wait_until(lambda: not is_running(child.pid), message="still runs")
        children.tend()
        pauses.append(child.pause_seconds)
    assert list(dict.fromkeys(pauses)) == [1.0, 2.0, 4.0, 8.0, 10.0]


def test_children_stop_phase_by_phase(children):
    told = children.data_dir / "order"
    tell = "import signal, sys\ndef end(*_):\n open({path!r}, 'a').write({key!r})\n sys.exit(0)\n"
    code = tell + "signal.signal(signal.SIGTERM, end)\nopen({path!r} + {key!r}, 'w').close()\nsignal.pause()"
    for key, phase in (("c", 2), ("a", 0), ("b", 1)):
        children.start(python(code.format(path=str(told), key=key), key=key, phase=phase))
        wait_until((children.data_dir / f"order{key}").exists, message=f"{key} does not listen")
    children.stop()
    assert told.read_text(encoding="utf-8") == "abc"


def test_a_command_that_ends_by_itself_gives_its_code_and_output(children):
    done = children.run(python("print('answer'); raise SystemExit(3)", captured=True), seconds=10)
    assert done == (3, "answer\n")
    assert not children.has("child")


def test_a_child_that_ends_while_it_is_waited_for_is_told_with_its_last_words(children):
    child = children.start(python("raise SystemExit('no more room')", log=children.data_dir / "log"))
    with pytest.raises(CannotStart, match=r"(?s)child ended while starting \(exit code 1\).*no more room"):
        children.wait_until(lambda: False, child, seconds=10)


def test_a_child_that_never_gets_ready_is_given_up(children):
    child = children.start(python(SLEEP))
    with pytest.raises(CannotStart, match="child was not ready within 0 s"):
        children.wait_until(lambda: False, child, seconds=0)


def test_what_an_earlier_supervisor_left_behind_is_cleared(children):
    child = children.start(python(WITH_SECOND))
    wait_until(lambda: len(marked(children)) == 2, message="no second process")
    children.forget(child.command.key)
    assert children.clear_leftovers() == 2
    assert child.running().wait(timeout=5) == -signal.SIGKILL
    assert marked(children) == set()


def test_a_guardian_that_was_killed_is_replaced_and_does_its_work(children):
    child = children.start(python(SLEEP))
    old = children.guardian_pid
    os.kill(old, signal.SIGKILL)
    wait_until(lambda: children.tend() and children.guardian_pid != old, message="no other guardian")
    assert is_running(children.guardian_pid)
    assert is_running(child.pid)


def test_the_guardian_ends_with_the_family(children):
    children.start(python(SLEEP))
    guardian = children.guardian_pid
    children.stop()
    assert not is_running(guardian)
    assert marked(children) == set()


@pytest.mark.parametrize("which", ["child", "its second process", "the guardian"])
def test_what_was_stopped_by_a_signal_and_stays_so_is_killed(children, monkeypatch, which):
    monkeypatch.setattr(children_module, "LOOK_SECONDS", 0.1)
    first = children.start(python(WITH_SECOND)).pid
    both = wait_until(lambda: len(marked(children)) == 2 and marked(children), message="no second process")
    victim = {"child": first, "the guardian": children.guardian_pid}.get(which, (both - {first}).pop())
    os.kill(victim, signal.SIGSTOP)
    wait_until(lambda: children.tend() and not is_running(victim), message="it is still there")
    assert wait_until(lambda: children.tend() and is_running(children.guardian_pid) and marked(children) - {victim})


def test_a_child_that_was_stopped_for_a_moment_goes_on(children, monkeypatch):
    child = children.start(python(SLEEP)).pid
    os.kill(child, signal.SIGSTOP)
    wait_until(lambda: is_frozen(child))
    children.tend()
    os.kill(child, signal.SIGCONT)
    wait_until(lambda: not is_frozen(child))
    monkeypatch.setattr(children_module, "LOOK_SECONDS", 0.0)
    children.tend()
    assert is_running(child)
