"""What one socket is sent, in order: the story of a reader of one run, and of a reader of all runs."""

import math
import time
from collections.abc import Awaitable, Callable
from enum import IntEnum
from typing import Final

from builds.live import reading
from builds.live.credentials import Credentials, caller_of
from builds.live.frames import LineFrame, frame, is_last_page, joined
from builds.live.hub import Hub
from builds.live.outbox import Outbox
from builds.live.reading import NoEntry, OpenAfter
from builds.live.rights import Rights
from builds.live.topics import RunsOutbox, RunTopic

COUNTS_SECONDS: Final = 1.0
QUIET_COUNTS_SECONDS: Final = 20.0  # where no run has changed: what is older than a day drops out of the counts
Send = Callable[[str], Awaitable[None]]


class CloseCode(IntEnum):
    """Why the server closes a socket (RFC 6455, section 7.4; from 4000 on our own)."""

    COMPLETE = 1000
    NOT_UNDERSTOOD = 1003
    TOO_OFTEN = 1008
    FAILED = 1011
    TRY_AGAIN_LATER = 1013
    NOT_SIGNED_IN = 4401
    NO_RIGHT = 4403


def code_of(no_entry: NoEntry) -> CloseCode:
    """Return the code that says why a reader gets no more."""
    return CloseCode.NOT_SIGNED_IN if no_entry is NoEntry.NOT_SIGNED_IN else CloseCode.NO_RIGHT


class RunStream:
    """Sends one run to one reader: every line once, in order, after number `after`."""

    def __init__(self, hub: Hub, run_id: int, after: int, credentials: Credentials) -> None:
        self._hub = hub
        self._run_id = run_id
        self._sent = after  # number of the last line that the reader has
        self._credentials = credentials
        self._outbox = Outbox()
        self._run_text = ""
        self._steps: dict[int, str] = {}
        self._open: OpenAfter | None = None  # as it was sent last
        self._rights = Rights(hub.threads, credentials)

    async def admit(self) -> NoEntry | None:
        """Read the run for this reader; return why not, where there is nothing to be seen."""
        text = await self._hub.threads.run(reading.run_text, self._run_id, self._credentials)
        if isinstance(text, NoEntry):
            return text
        self._run_text = text
        return None

    async def serve(self, send: Send) -> CloseCode:
        """Send until the run has ended, all its lines are sent, or the reader may see it no longer."""
        await send(self._run_text)
        async with self._hub.run(self._run_id, self._outbox) as topic:
            while True:
                if (no_entry := await self._send_run(topic, send)) is not None:
                    return code_of(no_entry)
                await self._send_steps(topic, send)
                await self._send_some_lines(send)
                if self._outbox.has_work or await self._send_open(topic, send):
                    continue
                if topic.end:  # seen together with the last lines and marks
                    await send(topic.end.text)
                    return CloseCode.COMPLETE
                await self._outbox.wait(self._rights.due_in)

    async def _send_run(self, topic: RunTopic, send: Send) -> NoEntry | None:
        """Send the run where it looks different to this reader now, also because the reader's rights have changed."""
        changed = await self._rights.look()
        if isinstance(changed, NoEntry):
            return changed
        if not self._outbox.run_changed and not changed:
            return None
        self._outbox.run_changed = False
        version = (topic.version, time.monotonic() // 1)  # whole seconds: who asks again shares it with who asks now
        text = await self._hub.threads.shared(version, reading.run_text, self._run_id, self._credentials)
        if isinstance(text, NoEntry):
            return text
        if text != self._run_text:
            self._run_text = text
            await send(text)
        return None

    async def _send_steps(self, topic: RunTopic, send: Send) -> None:
        if not self._outbox.steps_changed:
            return
        self._outbox.steps_changed = False
        steps, known = topic.steps, self._steps
        self._steps = steps
        if changed := [text for step, text in steps.items() if known.get(step) != text]:
            await send(joined("steps", "steps", changed))

    async def _send_open(self, topic: RunTopic, send: Send) -> bool:
        """Send what is not finished, once all lines before it are sent; say whether it was.

        Lines from the database may be ahead of the topic: what it knows to be open may be finished in them.
        """
        if topic.open is None or topic.open.last < self._sent or not topic.open.is_news_after(self._open):
            return False
        self._open = topic.open
        await send(topic.open.text)
        return True

    async def _send_some_lines(self, send: Send) -> None:
        """Send what was skipped or one frame: between frames the run and the rights have their turn."""
        if self._outbox.skip_to is not None:
            await self._send_skip(self._outbox.skip_to, send)
        elif self._outbox.is_catching_up:
            await self._send_stored(send)
        elif line_frame := self._outbox.pop():
            await self._send_frame(line_frame, send)

    async def _send_skip(self, to: int, send: Send) -> None:
        self._outbox.skip_to = None
        if to > self._sent:
            self._sent = to
            await send(frame("skipped", to=to))

    async def _send_stored(self, send: Send) -> None:
        """Send the next lines from the database; level with the topic when there are none."""
        version = self._outbox.newest  # not older than the last line that the topic has told of
        frames = await self._hub.threads.shared(version, reading.lines_after, self._run_id, self._sent)
        for line_frame in frames:
            self._sent = line_frame.last
            await send(line_frame.text)
        if is_last_page(frames) and version == self._outbox.newest:
            self._outbox.level()

    async def _send_frame(self, line_frame: LineFrame, send: Send) -> None:
        """Send a frame that follows what was sent; one that does not is a reason to ask the database."""
        if line_frame.last <= self._sent:
            return
        if line_frame.first != self._sent + 1:
            self._outbox.catch_up()
            return
        self._sent = line_frame.last
        await send(line_frame.text)


class RunsStream:
    """Sends every run that one reader may see when it changes, how many there are, and which builds have changed."""

    def __init__(self, hub: Hub, credentials: Credentials) -> None:
        self._hub = hub
        self._credentials = credentials
        self._outbox = RunsOutbox()
        self._rights = Rights(hub.threads, credentials)
        self._counts = ""
        self._counted_at = -math.inf
        self._counts_due = False

    async def admit(self) -> NoEntry | None:
        """Read the counts for this reader; return why not, where the credentials are not good."""
        return await self._hub.threads.run(self._entry)

    async def serve(self, send: Send) -> CloseCode:
        """Send until the credentials are no longer good."""
        async with self._hub.all_runs(self._outbox):
            while True:
                no_entry = await self._look() or await self._send_counts(send) or await self._send_runs(send)
                if no_entry is not None:
                    return code_of(no_entry)
                await self._outbox.wait(min(self._rights.due_in, self._counts_due_in))

    @property
    def _counts_due_in(self) -> float:
        pause = COUNTS_SECONDS if self._counts_due else QUIET_COUNTS_SECONDS
        return max(self._counted_at + pause - time.monotonic(), 0)

    async def _look(self) -> NoEntry | None:
        """Look at the rights; where they have changed, so may have all that is counted."""
        changed = await self._rights.look()
        if isinstance(changed, NoEntry):
            return changed
        self._counts_due |= changed
        return None

    def _entry(self) -> NoEntry | None:
        return None if caller_of(self._credentials) else NoEntry.NOT_SIGNED_IN

    async def _send_runs(self, send: Send) -> NoEntry | None:
        version = self._outbox.version
        changed = self._outbox.take()
        if changed == ((), ()):
            return None
        run_ids, build_ids = changed or (None, None)
        self._counts_due |= run_ids != ()
        texts = await self._hub.threads.shared(version, reading.changed_texts, run_ids, build_ids, self._credentials)
        if isinstance(texts, NoEntry):
            return texts
        for text in texts:
            await send(text)
        return None

    async def _send_counts(self, send: Send) -> NoEntry | None:
        """Send the counts where they differ; asked for when runs or the reader's rights have changed."""
        if self._counts_due_in:
            return None
        self._counts_due = False
        self._counted_at = time.monotonic()
        version = (self._outbox.version, self._counted_at // 1)
        text = await self._hub.threads.shared(version, reading.counts_text, self._credentials)
        if isinstance(text, NoEntry):
            return text
        if text != self._counts:
            self._counts = text
            await send(text)
        return None
