"""Look-ups of names at a name server that takes the question and never answers."""

import socket
import subprocess
import sys
from contextlib import ExitStack

import pytest

from tests.support.plugin import needs_own_network

pytestmark = needs_own_network

# Without a stop the resolver asks for some minutes.
RESOLVER = "nameserver 127.0.0.1\noptions timeout:30 attempts:5\n"
ASKS = {
    "http": """
from builds.engine.outbound import Ask, Limits, send
send(Ask(method="GET", url="http://silent.example/", limits=Limits(60, 60, float(sys.argv[1]))), stopping=stopping)
""",
    "ftp": """
from builds.engine.ftp.client import opened
from builds.engine.ftp.session import FileServer
opened(FileServer(is_sftp=False, host="silent.example", port=21), stopping=stopping, learn=print).__enter__()
""",
    "git": """
from pathlib import Path
from builds.engine.git.client import Repository, opened
from builds.engine.git.process import Work
work = Work(Path("."), Path("."), (), 1, stopping, print)
opened(Repository("ssh://git@silent.example/a.git"), work).__enter__()
""",
}
PROGRAM = """
import sys, threading
from builds.engine.errors import EngineError
stopping = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), stopping.set()), daemon=True).start()
try:
    {ask}
except EngineError as error:
    print(type(error).__name__, error.answered)
"""


@pytest.fixture
def asking(tmp_path):
    """Start a program that asks for `silent.example`; its name server has the question when it is there."""
    (tmp_path / "resolv.conf").write_text(RESOLVER)
    mount = f'mount --bind {tmp_path}/resolv.conf /etc/resolv.conf && exec "$@"'

    def start(ask, seconds):
        program = PROGRAM.format(ask=ask.strip().replace("\n", "\n    "))
        words = ["unshare", "-m", "sh", "-c", mount, "sh", sys.executable, "-c", program, str(seconds)]
        child = held.enter_context(subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        held.callback(child.kill)
        assert b"silent" in server.recv(512)
        return child

    with ExitStack() as held, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 53))
        server.settimeout(30)
        yield start


@pytest.mark.parametrize("ask", ASKS)
def test_a_stop_ends_the_look_up_of_a_name(asking, ask):
    child = asking(ASKS[ask], 60)
    assert child.poll() is None
    said, _ = child.communicate("", timeout=30)
    assert said == "OutboundStopped stopped before it was answered\n"


def test_the_total_time_ends_the_look_up_of_a_name_and_is_told_as_that(asking):
    child = asking(ASKS["http"], 0.3)
    assert child.wait(30) == 0
    assert child.stdout.read() == "OutboundLate It took longer than 0.3 seconds and was broken off.\n"
