"""Cancelled, killed and pushed again: nothing of the code stays, and none is fetched for nothing."""

import os
import signal
import threading
from pathlib import Path

from builds.services.runs.cancel_and_remove import request_cancel
from builds.services.runs.start import push_again
from tests.support.git_servers import git_http
from tests.support.runs import ended, marked_sleep, press, processes_with, texts, until_printed, workspaces
from tests.support.waiting import wait_until


def test_a_cancel_while_code_is_fetched_leaves_nothing(workers, caller, from_git, origin):
    reached, release = threading.Event(), threading.Event()

    def hold(request):
        reached.set()
        release.wait(30)
        return False

    with git_http(origin.bare.parents[1], hook=hold) as server:
        run = press(from_git(server.url()), caller)
        assert reached.wait(30)
        assert processes_with(f"127.0.0.1:{server.port}")
        request_cancel(run_id=run.pk, caller=caller)
        ended(run)
        assert run.end_reason == "CANCELLED"
        assert processes_with(f"127.0.0.1:{server.port}") == []
        release.set()
    wait_until(lambda: not workspaces(), message=workspaces)


def test_a_worker_that_is_killed_leaves_no_git_and_no_workspace_behind(workers, caller, from_git, origin):
    reached, release = threading.Event(), threading.Event()

    def hold_first(request):
        first = not reached.is_set()
        reached.set()
        if first:
            release.wait(60)
        return False

    with git_http(origin.bare.parents[1], hook=hold_first) as server:
        run = press(from_git(server.url()), caller)
        assert reached.wait(30)
        (git_process, *_) = processes_with(f"127.0.0.1:{server.port}")
        (workspace,) = workspaces()
        run.refresh_from_db()
        os.kill(int(run.lease_owner.rpartition("/")[2]), signal.SIGKILL)
        wait_until(lambda: not processes_with(f"127.0.0.1:{server.port}"), timeout=20)
        wait_until(lambda: not Path(f"/proc/{git_process}").exists(), timeout=20)
        ended(run, timeout=90)
        release.set()
    assert (run.end_reason, run.attempt) == ("DONE", 2)
    wait_until(lambda: not workspaces(), message=workspaces)
    assert not workspace.exists()


def test_a_cancel_while_the_image_is_built_leaves_nothing(workers, caller, from_git, origin, base_image):
    instruction, marker = marked_sleep()
    origin.commit({"Dockerfile": f"FROM {base_image}\nCOPY . /app\n{instruction}\n"})
    with git_http(origin.bare.parents[1]) as server:
        run = press(from_git(server.url()), caller)
        until_printed(run, "ready")
    assert workspaces()
    request_cancel(run_id=run.pk, caller=caller)
    assert ended(run).end_reason == "CANCELLED"
    assert processes_with(marker) == []
    wait_until(lambda: not workspaces(), message=workspaces)


def test_a_push_again_fetches_no_code(workers, caller, from_git, origin):
    with git_http(origin.bare.parents[1]) as server:
        run = ended(press(from_git(server.url()), caller))
        asked = len(server.asked)
        again = ended(push_again(run_id=run.pk, caller=caller, tag_name="again"))
        assert len(server.asked) == asked
    assert (again.end_reason, again.image_digest) == ("DONE", run.image_digest)
    assert "Nothing is done here: the image of an earlier run is pushed again" in texts(again)
