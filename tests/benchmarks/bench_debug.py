"""How long it takes to get from a run of 100,000 turns to one opened failure.

Run it: `python tests/benchmarks/bench_debug.py [TURNS]`. The bar is 0.2 s for listing and opening a failure.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

from arena.contestant import agent_settings
from arena.debugging.document import rows, whose
from arena.debugging.listing import failed_turns, groups
from arena.debugging.opened import Run, open_turn, request_of
from arena.debugging.trial import try_repair
from arena.filtering import Filter, parse
from arena.outside.building import building
from arena.protocol import protocol
from arena.records import Episode, EpisodeKey, Turn
from arena.suite import SuiteSettings
from envs import registry

TURNS_AN_EPISODE = 30
BROKEN = '{"name": "move", "arguments": {"from_room": "study", "to_room": "kitchen"}'


def build(run: Path, turns: int) -> None:
    """Write a run of two contestants; every third turn of the second fails."""
    task = registry.find_task("pddl/gripper/0")
    with building(run) as builder:
        for number in range(turns // TURNS_AN_EPISODE // 2):
            own = replace(task, id=f"pddl/gripper/{number}", seed=number)
            builder.add_task(own)
            for contestant in ("base", "broken"):
                key = EpisodeKey(contestant, own.id, own.hash, 0, 0)
                head = Episode(
                    0, key, "done", 1, task.goal, "You are in study.", success=contestant == "base"
                )
                played = [turn(index, contestant == "broken") for index in range(TURNS_AN_EPISODE)]
                builder.add_episode(head, {}, played)
        names = ["base", "broken"]
        identity = {"settings": asdict(agent_settings(SuiteSettings(protocol="json"), {}))}
        builder.document = {
            "contestants": [{"name": name, "spec": "expert", "identity": identity} for name in names],
            "plan": {"contestants": [[name, name] for name in names]},
        }


def turn(index: int, fails: bool) -> Turn:
    """Return a turn of about a kilobyte; `fails`: each third has a call that lacks its last brace."""
    reply = BROKEN if fails and index % 3 == 0 else BROKEN + "}"
    decision = protocol("json").parse(reply)
    outcome = "You are in study. " * 40
    return Turn(
        *(index, outcome, reply, "", decision.action, decision.failure, outcome),
        valid=decision.action is not None,
        progress=0.0,
        success=False,
    )


def timed(what: str, work: Callable[[], object]) -> None:
    """Print how long something takes, the first time and again."""
    took = []
    for _ in range(2):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    print(f"{what:52}{1000 * took[0]:10.1f} ms{1000 * took[1]:10.1f} ms again")


def main() -> None:
    """Print the times."""
    turns = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run"
        build(path, turns)

        def opens_a_failure() -> None:
            with Run(path) as run:
                failed = failed_turns(run.db, Filter(), limit=100)[-1]
                open_turn(run, run.episode_of(failed), failed.turn)

        timed("run opened, 100 failures listed, one of them opened", opens_a_failure)
        with Run(path) as run:
            last = (turns // TURNS_AN_EPISODE, 0)
            found = failed_turns(run.db, Filter(), limit=100)[-1]
            opened = open_turn(run, run.episode_of(found), found.turn)
            timed("the last page", lambda: failed_turns(run.db, Filter(), after=last))
            timed("a page of a kind", lambda: failed_turns(run.db, Filter(), kinds=("not_json",)))
            timed("a page of an absent kind", lambda: failed_turns(run.db, Filter(), kinds=("empty",)))
            filtered = parse("fail:not_json turn>20 base:success", "base")
            timed("a page of a filter", lambda: failed_turns(run.db, filtered))
            timed("groups with the baseline beside", lambda: groups(run.db, "base", Filter()))
            timed("a turn's fault (first: its environment)", lambda: whose(run, opened))
            timed("its request built again", lambda: request_of(run, opened))
            timed("its repair tried", lambda: try_repair(run, opened))
            first = parse("task:gripper/1", "base")
            began = time.perf_counter()
            count = sum(1 for _ in rows(run, first, None, ()))
            took = time.perf_counter() - began
            print(f"{f'rows of --json, {count} of them':52}{1000 * took / count:10.2f} ms each")


if __name__ == "__main__":
    main()
