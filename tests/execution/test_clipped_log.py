"""A log that the engine has cut: said in the log, and kept with the build server."""

import pytest

from builds.domain.log.limits import CLIPS_LOGS
from builds.domain.log.masking import Masker
from builds.execution.recorder import Recorder
from builds.execution.stop import Stop
from builds.models import BuildServer
from tests.pages import making
from tests.support.people import make_build, make_world, operator_of
from tests.support.runs import press, texts


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("vertex", "line", "kept"),
    [
        ("sha256:a", b"[output clipped, log limit 200KiB/s reached]\n", [CLIPS_LOGS]),
        (None, b"[output clipped, log limit 200KiB/s reached]\n", []),
        ("sha256:a", b"[output clipped] says somebody\n", []),
    ],
    ids=["by the engine", "outside of instructions", "other words"],
)
def test_only_the_engines_own_mark_counts(vertex, line, kept):
    caller = operator_of(make_world())
    run = press(make_build(caller, "FROM scratch\n"), caller)
    lease = making.begun(run)
    recorder = Recorder(lease, Stop(), limit_bytes=1_000_000, masker=Masker(frozenset()))
    recorder.enter_step(making.image_step_of(run).pk)
    recorder.output(vertex, 1, b"one\n" + line)
    recorder.close()
    assert recorder.error is None
    assert BuildServer.objects.get().warnings == kept
    assert [text for text in texts(run) if "left out output" in text] == texts(run)[2:]
    assert len(texts(run)) == 2 + len(kept)
