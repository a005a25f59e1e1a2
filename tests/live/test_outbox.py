"""What waits for one socket is bounded, and says what it left out."""

import pytest

from builds.domain.log.lines import NumberedLine
from builds.live import outbox as module
from builds.live.frames import FRAME_CHARS, LineFrame, line_frames
from builds.live.outbox import Outbox
from builds.queries.log import StepLine


def level_outbox() -> Outbox:
    outbox = Outbox()
    outbox.level()
    return outbox


async def test_frames_come_out_in_order():
    outbox = level_outbox()
    frames = [LineFrame(n, n, "x") for n in range(1, 4)]
    for frame in frames:
        outbox.put(frame)
    assert [outbox.pop() for _ in range(4)] == [*frames, None]


async def test_a_full_outbox_forgets_what_it_holds_and_names_the_last_line_of_it():
    outbox = level_outbox()
    for n in range(1, module.MAX_FRAMES + 4):
        outbox.put(LineFrame(n, n, "x"))
    assert outbox.skip_to == module.MAX_FRAMES + 1
    assert outbox.pop() == LineFrame(module.MAX_FRAMES + 2, module.MAX_FRAMES + 2, "x")


async def test_few_but_long_frames_fill_it_too(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "MAX_CHARS", 100)
    outbox = level_outbox()
    outbox.put(LineFrame(1, 1, "x" * 60))
    outbox.put(LineFrame(2, 2, "x" * 60))
    assert outbox.skip_to == 2
    assert outbox.pop() is None


async def test_one_frame_longer_than_everything_is_kept(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "MAX_CHARS", 100)
    outbox = level_outbox()
    outbox.put(LineFrame(1, 1, "x" * 1000))
    assert outbox.skip_to is None
    assert outbox.pop() is not None


async def test_who_catches_up_is_only_told_how_far_it_goes():
    outbox = Outbox()
    for n in range(1, 1000):
        outbox.put(LineFrame(n, n, "x"))
    assert (outbox.newest, outbox.skip_to, outbox.pop()) == (999, None, None)


def test_long_lines_make_short_frames():
    lines = [StepLine(None, NumberedLine(n, 0, None, 1, "x" * 65536, continues=False)) for n in range(1, 21)]
    frames = list(line_frames(lines))
    assert [frame.first for frame in frames[1:]] == [frame.last + 1 for frame in frames[:-1]]
    assert (frames[0].first, frames[-1].last) == (1, 20)
    assert max(len(frame.text) for frame in frames) < FRAME_CHARS + 70_000
