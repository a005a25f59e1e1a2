"""`manage.py build NAME_OR_SEQ`: presses Build from a shell.

Exit code: 0 when the press was accepted, with `--follow` when the run ended DONE; 1 when it ended ERROR; 2 when
something was refused, the reason on stderr. The log goes to stdout, everything else to stderr.
"""

import json
import re
from argparse import ArgumentParser
from typing import Any, Final

import psycopg
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError

from builds.domain.errors import Refused
from builds.domain.states import RunState
from builds.doorbell import WATCHERS
from builds.management.database import need_database
from builds.models import Build, BuildRun, Caller
from builds.postgres import listen
from builds.queries.log import iterate_lines
from builds.services.accounts.access import caller_for
from builds.services.runs.parameters import RunAsk
from builds.services.runs.start import start_run

LOOK_SECONDS: Final = 2.0  # a hint may be lost: the run's row is looked at this often without one
REFUSED: Final = 2
KEY: Final = re.compile(r"[0-9]{1,18}")
# What a build printed may steer a terminal (titles, clipboard): colours stay, other controls do not.
CONTROLS: Final = re.compile(r"\x1b(?!\[[0-9;]*m)|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]")


class Command(BaseCommand):
    """Presses Build as a user and, where asked, prints the log until the run has ended."""

    help = "Press Build for a build, named by its number, its name or its image name."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what can be asked for."""
        parser.add_argument("build", metavar="NAME_OR_SEQ", help="number (buildSeq), name or image name of the build")
        parser.add_argument("--tag", metavar="T", help="tag of the image, where the build has no automatic one")
        parser.add_argument("--user", metavar="NAME", help="who presses; default: the first superuser")
        parser.add_argument("--follow", action="store_true", help="print the log; the exit code follows the run")

    def handle(self, *args: Any, **options: Any) -> None:
        """Press; raises `CommandError` with exit code 2 where it is refused, `SystemExit` 1 for a run that failed."""
        need_database(returncode=REFUSED)
        caller = caller_for(_user(options["user"]))
        build = _build(options["build"], caller)
        try:
            run = start_run(build_id=build.pk, caller=caller, ask=RunAsk(tag_name=options["tag"]))
        except Refused as refusal:
            raise CommandError(refusal.sentence, returncode=REFUSED) from refusal
        self.stderr.write(f"Run {run.pk} ({run}) was accepted; its image will be {run.image.tagged}.", style_func=str)
        if options["follow"]:
            self._follow(run)

    def _follow(self, run: BuildRun) -> None:
        """Print the log while it grows, then how the run ended."""
        try:
            ended = self._print_until_end(run.pk)
        except KeyboardInterrupt:
            raise CommandError(f"Run {run.pk} goes on without being followed.", returncode=130) from None
        except (psycopg.OperationalError, OperationalError) as error:
            message = f"The database does not answer any more ({error}). Run {run.pk} is not touched by that."
            raise CommandError(message, returncode=REFUSED) from error
        said = f"Run {ended.pk} ended {ended.end_reason}: {ended.end_message}"
        if ended.run_state == RunState.DONE:
            said = f"Run {ended.pk} is done: {ended.image.pinned(ended.image_digest)}"
        self.stderr.write(said, style_func=str)  # as it is: no error, and no colour
        if ended.run_state != RunState.DONE:
            raise SystemExit(1)

    def _print_until_end(self, run_id: int) -> BuildRun:
        """Print line after line, each once; return the run when it has ended and all its lines are printed."""
        after = 0
        with listen(WATCHERS) as hints:
            while True:
                run = BuildRun.objects.get(pk=run_id)  # before the lines: what ended then gets no more of them
                for _step, line in iterate_lines(run_id, after=after):
                    self.stdout.write(CONTROLS.sub("", line.text), ending="" if line.continues else "\n")
                    after = line.n
                self.stdout.flush()
                if run.is_final:
                    return run
                for notice in hints.notifies(timeout=LOOK_SECONDS):  # or two seconds
                    if json.loads(notice.payload).get("run") == run_id:
                        break


def _user(name: str | None) -> User:
    """Return who presses."""
    if name is None:
        found = User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
        missing = "There is no superuser yet; name somebody with --user."
    else:
        found = User.objects.filter(username=name, is_active=True).first()
        missing = f"There is no active user {name}; correct the name."
    if found is None:
        raise CommandError(missing, returncode=REFUSED)
    return found


def _build(wanted: str, caller: Caller) -> Build:
    """Return the one build that is meant: a number first, then a name, then an image name."""
    visible = Build.objects.visible_to(caller).order_by("pk")
    if KEY.fullmatch(wanted) and (found := visible.filter(pk=wanted).first()):
        return found
    for field in ("name", "image_name"):
        match list(visible.filter(**{field: wanted})[:5]):
            case [only]:
                return only
            case [_, *_] as several:
                seqs = ", ".join(str(build.pk) for build in several)
                message = f"Several builds are called {wanted}; give the number of one: {seqs}."
                raise CommandError(message, returncode=REFUSED)
    message = f"There is no build {wanted} that {caller.user.get_username()} may see."
    raise CommandError(message, returncode=REFUSED)
