"""A build of a repository of 20,000 files, from press to DONE, beside clone, build and push by the raw commands."""

import argparse
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from bench.figures import Figure
from bench.presses import Presser
from bench.raw import Raw
from bench.world import World
from tests.support.git_servers import git, git_http

FOLDERS, FILES_EACH, FILE_BYTES = 200, 100, 1024
LIMIT_SECONDS = 180.0
DOCKERFILE = "FROM buildhub-base:1\nCOPY . /app\n"
NAME = "bench/code.git"


def measure(world: World, presser: Presser, options: argparse.Namespace) -> list[Figure]:
    """Cold: a commit in which every file is another one, of its own for each side. Cached: the same commit again.

    Both sides are on one engine, which would know the files of the first for the second: hence two commits. What is
    left on the worker's disk is removed outside of the time on both sides.
    """
    shape = f"{FOLDERS * FILES_EACH:,} files of {FILE_BYTES:,} bytes"
    cold = Figure(name=f"code, {shape}, all new", unit="s", reach="≤ 1.2 × raw")
    cached = Figure(name=f"code, {shape}, cached", unit="s", reach="≤ 1.1 × raw")
    root = world.home / "git"
    git("init", "-q", "--bare", "-b", "main", root / NAME)
    with git_http(root) as server:
        build, raw = presser.make_build("code", steps=_steps(server.url(NAME))), Raw(world, "code")
        for turn in range(options.code_rounds):
            for figure, commits in ((cold, True), (cached, False)):
                if commits:
                    _commit(root / NAME)
                figure.ours.append(presser.press(build, limit_seconds=LIMIT_SECONDS).total_seconds)
            for figure, commits in ((cold, True), (cached, False)):
                if commits:
                    _commit(root / NAME)
                folder = world.home / f"clone-{turn}-{commits}"
                seconds = raw.clone_build_and_push(server.url(NAME), folder, tag=str(turn), limit_seconds=LIMIT_SECONDS)
                figure.raw.append(seconds)
                shutil.rmtree(folder)
    for figure, most in ((cold, 1.2), (cached, 1.1)):
        figure.judge_ratio(most=most)
    return [cold, cached]


def _steps(url: str) -> list[dict[str, object]]:
    code = {"repositoryUrl": url, "branchName": "main", "codeSaveDir": "code"}
    image = {"dockerFileType": "FILE_PATH", "dockerFilePath": "code/Dockerfile"}
    return [
        {"stepType": "CODE_DOWN", "stepOrder": 1, "buildStepConfig": code},
        {"stepType": "CREATE_IMAGE", "stepOrder": 2, "buildStepConfig": image},
    ]


def _commit(repository: Path) -> None:
    """Make main a commit in which every file has other bytes than ever before."""
    command = ["git", "-C", str(repository), "fast-import", "--quiet", "--force", "--date-format=now"]
    subprocess.run(command, input=b"".join(_stream()), check=True, timeout=LIMIT_SECONDS)


def _stream() -> Iterator[bytes]:
    yield b"commit refs/heads/main\ncommitter bench <bench@example.org> now\ndata 5\nfiles\n"
    yield b"deleteall\n"
    for name, content in (("Dockerfile", DOCKERFILE.encode()), (".dockerignore", b".git\n")):
        yield f"M 100644 inline {name}\ndata {len(content)}\n".encode() + content + b"\n"
    for number in range(FOLDERS * FILES_EACH):
        name = f"src/{number // FILES_EACH:03}/{number % FILES_EACH:03}.bin"
        yield f"M 100644 inline {name}\ndata {FILE_BYTES}\n".encode() + os.urandom(FILE_BYTES) + b"\n"
