"""A step that runs a program, beside `docker run` of the same image, command and volume."""

import argparse
from datetime import datetime

from bench.figures import Figure, median, timed
from bench.presses import Presser
from bench.raw import Raw
from bench.trivial import LIMIT_SECONDS, TRIVIAL
from bench.world import BASE, World

COMMAND = ("sh", "-c", "echo made > /workspace/made")


def measure(world: World, presser: Presser, options: argparse.Namespace) -> list[Figure]:
    """The step alone from its begin to its end, and what it adds to the whole run, workspace included, in turns."""
    step = Figure(name="task step", unit="s", reach="≤ raw + 0.400 s")
    added = Figure(name="run with a task step, over one without", unit="s", reach="≤ raw + 1.000 s")
    name, _, tag = BASE.rpartition(":")
    config = {"imageName": name, "imageTag": tag, "cmd": list(COMMAND)}
    image = {"dockerFileType": "CONTENTS", "dockerFile": TRIVIAL, "contextPath": "."}
    steps = [
        {"stepType": "USER_TASK", "stepOrder": 1, "buildStepConfig": config},
        {"stepType": "CREATE_IMAGE", "stepOrder": 2, "buildStepConfig": image},
    ]
    with_task, without = presser.make_build("task", steps=steps), presser.make_build("no-task", TRIVIAL)
    raw = Raw(world, "task")
    for build in (with_task, without):
        presser.press(build, limit_seconds=LIMIT_SECONDS)
    raw.run(BASE, *COMMAND, limit_seconds=LIMIT_SECONDS)
    for _turn in range(options.rounds):
        plain = timed(lambda: raw.run(BASE, *COMMAND, limit_seconds=LIMIT_SECONDS))
        bare = presser.press(without, limit_seconds=LIMIT_SECONDS)
        whole = presser.press(with_task, limit_seconds=LIMIT_SECONDS)
        (task,) = (
            one
            for one in world.call("GET", f"/build/run/{whole.seq}")["buildStepRuns"]
            if one["stepType"] == "USER_TASK"
        )
        began, ended = (datetime.fromisoformat(task[when]) for when in ("beginTime", "endTime"))
        step.raw.append(plain)
        added.raw.append(plain)
        step.ours.append((ended - began).total_seconds())
        added.ours.append(whole.total_seconds - bare.total_seconds)
    for figure, most in ((step, 0.4), (added, 1.0)):
        more = median(figure.ours) - median(figure.raw)
        figure.judge(more, most=most, shown=f"raw {more:+.3f} s")
    return [step, added]
