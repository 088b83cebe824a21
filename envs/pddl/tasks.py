"""The tasks of the PDDL benchmark: ours, drawn by the generators, and AgentBoard's from the user's copy."""

from collections.abc import Sequence
from dataclasses import replace

from envs.base import Source, Task
from envs.pddl import DOMAINS
from envs.pddl.compact import COMPACT, compact_goal
from envs.pddl.generators import draft
from envs.pddl.official import difficulty, official_problems
from envs.pddl.problem import Problem
from envs.pddl.wording import wording

MAX_STEPS = 30
"""AgentBoard's step limit; ours too, but where a problem's plain plan is longer: that gets a quarter more."""

EASY_PLAN_STEPS = 15

BUNDLED_SIZES = {
    "gripper": (1, 2, 2, 3, 3, 4, 4, 4, 5, 5, 5, 6, 6, 6, 7, 7, 8, 8, 9, 10),
    "blockworld": (2, 2, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 6, 6, 6, 7, 7, 8, 8),
    "barman": (1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5),
    "tyreworld": (1, 1, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5, 6, 6, 7, 7, 8, 8, 9),
}
"""Sizes of the bundled problems of each domain, in order; a problem's index is its seed."""

SMALL_SIZES = {"gripper": (2, 3, 4, 5), "blockworld": (2, 3, 4)}
"""Sizes of the small problems, in turn: few words and few objects, for small agents (`compact`)."""

SMALL_COUNT = 120


def tasks(source: Source) -> Sequence[Task]:
    """Return all tasks of a source: 320 bundled, or AgentBoard's 60. Raises `MissingData` or `BadData`."""
    return [*_bundled(), *_small()] if source == "bundled" else _official()


def generate(domain: str, seed: int, size: int, task_id: str | None = None) -> Task:
    """Return a new task: the same for the same domain, seed and size, and solvable in its step limit.

    What `size` (from 1 on) counts depends on the domain: see `envs.pddl.generators`. Raises `EnvsError`
    where the domain has no problems of this size.
    """
    drawn = draft(domain, seed, size)
    return Task(
        id=task_id or f"pddl/{domain}/size{size}-seed{seed}",
        benchmark="pddl",
        subset=domain,
        source="bundled",
        seed=seed,
        max_steps=MAX_STEPS if drawn.plan_steps <= MAX_STEPS else drawn.plan_steps * 5 // 4,
        difficulty="easy" if drawn.plan_steps <= EASY_PLAN_STEPS else "hard",
        data=drawn.problem.data(),
        goal=_goal(drawn.problem),
    )


def generate_small(domain: str, seed: int, size: int, task_id: str | None = None) -> Task:
    """Return the task that `generate` returns, told in few words. Raises `EnvsError` as it does."""
    task = generate(domain, seed, size, task_id)
    return replace(
        task,
        id=task_id or f"pddl/{domain}-small/size{size}-seed{seed}",
        subset=f"{domain}-small",
        data={**task.data, "wording": COMPACT},
        goal=compact_goal(wording(domain), domain),
    )


def _bundled() -> list[Task]:
    return [
        generate(domain, index, size, f"pddl/{domain}/{index}")
        for domain in DOMAINS
        for index, size in enumerate(BUNDLED_SIZES[domain])
    ]


def _small() -> list[Task]:
    return [
        generate_small(domain, index, sizes[index % len(sizes)], f"pddl/{domain}-small/{index}")
        for domain, sizes in SMALL_SIZES.items()
        for index in range(SMALL_COUNT)
    ]


def _official() -> list[Task]:
    numbers = dict.fromkeys(DOMAINS, 0)
    listed = []
    for domain, file_name, problem in official_problems():
        listed.append(
            Task(
                id=f"pddl/{domain}/{numbers[domain]}",
                benchmark="pddl",
                subset=domain,
                source="official",
                seed=0,
                max_steps=MAX_STEPS,
                difficulty=difficulty(domain, file_name),
                data=problem.data(),
                goal=_goal(problem),
            )
        )
        numbers[domain] += 1
    return listed


def _goal(problem: Problem) -> str:
    return wording(problem.domain).goal(problem.goal)
