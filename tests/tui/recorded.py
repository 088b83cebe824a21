"""A small real run: the expert, chance, and one who answers with half a call; played once, then copied."""

import asyncio
import shutil
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from arena.lineup import line_up
from arena.run import play_run
from arena.store.files import runs_folder
from arena.suite import parse_suite

NAME = "mix"
SUITE = """
name = "mix"
[settings]
protocol = "json"
[[tasks]]
benchmark = "pddl"
subset = "gripper-small"
count = 3
max_steps = 6
[[tasks]]
benchmark = "needle"
ids = ["needle/125/0", "needle/125/56"]
"""


@cache
def _played() -> Path:
    folder = Path(mkdtemp(prefix="arena-test-run-"))
    script = folder / "half.txt"
    script.write_text('{"name": "move"\n')
    plan, engines = line_up(
        parse_suite(SUITE, "mix"),
        ["expert", "random", f"half=script:{script}"],
    )
    asyncio.run(play_run(plan, folder / NAME, engines, lambda event: None))
    return folder / NAME


def recorded_run() -> Path:
    """Put the run into the runs folder of this test, and return its directory. Call it outside a loop."""
    run = runs_folder() / NAME
    shutil.copytree(_played(), run)
    return run
