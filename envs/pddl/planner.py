"""Plans by Fast Downward, which runs as a program of its own (package `up-fast-downward`).

The search is lazy weighted A* with the FF and landmark heuristics and their preferred operators: weight 2
gives plans at or near the shortest for problems of AgentBoard's size in about a second at most, and the same
plan each time.
"""

import os
import signal
import subprocess
import sys
import tempfile
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from envs.errors import EnvsError, MissingPackage
from envs.pddl.problem import Problem
from envs.pddl.world import Action, State, World, world

PLANNING_LIMIT_S = 60

_EXIT_CODES = {
    10: "there is none",
    11: "there is none",
    12: "there is none",
    21: "it stopped at its time limit",
    23: "it stopped at its time limit",
}

_SEARCH = (
    "let(ff, ff(), let(landmarks, landmark_sum(lm_factory=lm_reasonable_orders_hps(lm_rhw()), pref=false),"
    " lazy_wastar([ff, landmarks], preferred=[ff, landmarks], w=2)))"
)


@lru_cache(maxsize=1024)
def plan(problem: Problem, state: State) -> tuple[Action, ...]:
    """Return actions that lead from `state` to the goal.

    Raises `MissingPackage` where the planner is not installed, `EnvsError` where no plan is found: some
    states of barman are dead ends (a shaker with two ingredients that make no cocktail).
    """
    of = world(problem)
    with tempfile.TemporaryDirectory(prefix="arena-plan-") as folder:
        domain, now, found = (Path(folder, name) for name in ("domain.pddl", "problem.pddl", "plan"))
        domain.write_text(of.domain.text, "utf-8")
        now.write_text(problem.text(of.atoms(state)), "utf-8")
        files = [
            "--overall-time-limit",
            f"{PLANNING_LIMIT_S}s",
            "--plan-file",
            str(found),
            "--sas-file",
            str(Path(folder, "sas")),
            str(domain),
            str(now),
        ]
        reason = _run([sys.executable, str(_driver()), *files, "--search", _SEARCH], folder)
        if not found.exists():
            raise EnvsError(f"the planner found no way to the goal from here: {reason}")
        return tuple(_action(of, line) for line in found.read_text("utf-8").splitlines() if line[0] == "(")


def _driver() -> Path:
    package = find_spec("up_fast_downward")
    for folder in (package.submodule_search_locations or ()) if package else ():
        if (driver := Path(folder, "downward/fast-downward.py")).is_file():
            return driver
    raise MissingPackage("the expert needs the Fast Downward planner", "pip install up-fast-downward")


def _run(command: list[str], folder: str) -> str:
    # the driver starts the searching process; only a group of its own can be ended as a whole
    process = subprocess.Popen(  # noqa: S603 - the planner's own driver, with no text of the user's in it
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        told = process.communicate(timeout=2 * PLANNING_LIMIT_S)[0]
    except subprocess.TimeoutExpired:
        return _EXIT_CODES[23]
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    return _EXIT_CODES.get(process.returncode, " ".join(told.split())[-300:])


def _action(of: World, line: str) -> Action:
    operator, *arguments = line.strip("()\n ").split()
    return of.actions[operator, tuple(arguments)]
