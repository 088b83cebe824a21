"""PDDL: our steps per second against pddlgym's, on the same problems and the same random actions.

Run it where `pip install pddlgym` was run beside Arena: `python tests/benchmarks/bench_pddl.py`. Ours is the
whole `step` (text in, sentences and info out); pddlgym's is its bare `step` on a literal and, in a second
figure, that and its list of valid actions, which AgentBoard makes before every step. A quarter of the actions
are impossible. The bar is 20 times the bare step.
"""

import contextlib
import io
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from envs.base import Task
from envs.pddl import DOMAINS
from envs.pddl.env import PDDLEnv
from envs.pddl.problem import Problem, from_data
from envs.pddl.tasks import tasks
from envs.pddl.world import Action, world

BAR = 20
STEPS = 60
MEASURED_S = 0.2
PROBLEMS = (4, 9, 14, 19)


def main() -> int:
    """Print a line a domain and the ratio over all; return 1 where it misses the bar."""
    with contextlib.redirect_stderr(io.StringIO()):  # gym says at length that it is not maintained
        from pddlgym.core import PDDLEnv as Reference

    print(f"{'domain':<12}{'ours':>12}{'pddlgym':>12}{'ratio':>8}{'with list':>12}{'ratio':>8}   steps/s")
    spent = [0.0, 0.0, 0.0]
    for domain in DOMAINS:
        seconds = [0.0, 0.0, 0.0]
        steps = 0
        for index in PROBLEMS:
            task = next(task for task in tasks("bundled") if task.id == f"pddl/{domain}/{index}")
            problem = from_data(task.data)
            actions, texts, truth = random_episode(task)
            with tempfile.TemporaryDirectory() as folder:
                reference = load(Reference, problem, Path(folder))
                ours = timed(lambda texts=texts, task=task: play(task, texts), seconds, 0)
                bare = timed(lambda r=reference, a=actions: play_reference(r, a), seconds, 1)
                listed = timed(lambda r=reference, a=actions: play_reference(r, a, listing=True), seconds, 2)
            assert ours == bare == listed == truth, "the two simulators part"
            steps += len(actions)
        a, b, c = (steps / each for each in seconds)
        print(f"{domain:<12}{a:>12,.0f}{b:>12,.0f}{a / b:>7.0f}x{c:>12,.0f}{a / c:>7.0f}x")
        spent = [total + each for total, each in zip(spent, seconds, strict=True)]
    ratio = spent[1] / spent[0]
    print(f"all: {ratio:.0f}x pddlgym's bare step, {spent[2] / spent[0]:.0f}x with its list (bar {BAR}x)")
    return 0 if ratio >= BAR else 1


def random_episode(task: Task) -> tuple[list[Action], list[str], list[bool]]:
    """Draw actions, three in four of them possible; return them, their texts, and which take effect."""
    rng, of = random.Random(task.id), world(from_data(task.data))
    state, actions, effects = of.initial, [], []
    everything = [a for a in of.actions.values() if len(set(a.arguments)) == len(a.arguments)]
    while len(actions) < STEPS:
        possible = [action for action in everything if action.changes(state)]
        # pddlgym's bare step overlooks preconditions that name only constants (tyreworld's tools); AgentBoard
        # never hands it an action of an operator that is nowhere possible, and neither do we
        named = [action for action in everything if of.offers(action.operator, state)]
        action = rng.choice(possible if rng.random() < 0.75 else named)
        if of.progress(action.apply(state)) == 1:
            continue  # an episode that is over can't be stepped
        actions.append(action)
        effects.append(action.changes(state))
        state = action.apply(state) if effects[-1] else state
    return actions, [of.words.action(a.operator, a.arguments) for a in actions], effects


def load(reference: type, problem: Problem, folder: Path) -> Any:
    """Write a problem and its domain as PDDL files and open them with pddlgym, as AgentBoard does."""
    of = world(problem)
    (folder / "domain.pddl").write_text(of.domain.text)
    (folder / "problems").mkdir()
    text = problem.text(of.atoms(of.initial))
    (folder / "problems/p.pddl").write_text(text)
    return reference(
        str(folder / "domain.pddl"),
        str(folder / "problems"),
        operators_as_actions=True,
        dynamic_action_space=True,
    )


def timed(run: Callable[[], list[bool]], seconds: list[float], slot: int) -> list[bool]:
    """Run something for a while, add its shortest time (the least disturbed one), and return its result."""
    result, times = run(), []
    while len(times) < 3 or sum(times) < MEASURED_S:
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    seconds[slot] += min(times)
    return result


def play(task: Task, texts: list[str]) -> list[bool]:
    """Play texts in our environment; tell which took effect."""
    env = PDDLEnv()
    env.reset(options={"task": Task(task.id, "pddl", None, "bundled", 0, STEPS + 1, "easy", task.data)})
    return [env.step(text)[4]["valid"] for text in texts]


def play_reference(env: Any, actions: list[Action], listing: bool = False) -> list[bool]:
    """Play actions in pddlgym; tell which changed the state."""
    from pddlgym.structs import Literal

    state, _ = env.reset()
    predicates = {predicate.name: predicate for predicate in env.action_predicates}
    objects = {thing.name: thing for thing in state.objects}
    literals = [Literal(predicates[a.operator], [objects[name] for name in a.arguments]) for a in actions]
    changed = []
    for literal in literals:
        if listing:
            env.action_space.all_ground_literals(state)
        before, state = state, env.step(literal)[0]
        changed.append(state != before)
    return changed


if __name__ == "__main__":
    sys.exit(main())
