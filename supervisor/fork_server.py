"""The fork server's own side (forks.py is the supervisor's): one process loads the programs, and forks for each start.

What is forked gets a session of its own, and the supervisor for its parent: the process between them ends at once, and
the supervisor adopts orphans. So it is looked after like every other child, and outlives the fork server.
"""

import json
import os
import signal
import socket
import time
from collections.abc import Callable
from typing import Any, Final

from supervisor.processes import die_with, rename

LONGEST_REQUEST: Final = 65536
ADOPTION_LOOK_SECONDS: Final = 0.001


def serve(*, before: Callable[[list[str]], object] = lambda words: None) -> list[str]:
    """Fork for each request on standard input; return in each process that was forked, with the words of its command.

    `before` is called with these before the fork, in this process.
    To be called while this process has one thread and no connection. It ends when the supervisor has gone.
    """
    with socket.socket(fileno=os.dup(0)) as requests:
        while True:
            message, files, _flags, _address = socket.recv_fds(requests, LONGEST_REQUEST, 1)
            if not message:
                raise SystemExit(0)
            request = json.loads(message)
            before(request["argv"])
            if not (pid := _fork()):
                return _begin(request, files)
            try:
                requests.send(str(pid).encode())
            except OSError:  # nobody waits for it any more
                os.kill(pid, signal.SIGKILL)
            for file in files:
                os.close(file)


def _fork() -> int:
    """Fork a process that is not our child but our parent's, and leads a session; return its number, and 0 in it."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as told, os.fdopen(writing, "wb") as telling:
        if between := os.fork():
            telling.close()
            os.waitpid(between, 0)
            return int(told.read())
        between = os.getpid()
        if os.fork():
            os._exit(0)
        while os.getppid() == between:  # until it is adopted
            time.sleep(ADOPTION_LOOK_SECONDS)
        os.setsid()
        telling.write(str(os.getpid()).encode())
    return 0


def _begin(request: dict[str, Any], files: list[int]) -> list[str]:
    """Become what `processes.spawn` would have started; return the command's words."""
    die_with(request["parent"], request["stop_signal"])
    rename(request["name"])
    os.environ.update(request["env"])
    for number, file in ((0, os.open(os.devnull, os.O_RDONLY)), *((1, file) for file in files)):
        os.dup2(file, number)
        os.close(file)
    return list(request["argv"])
