"""Lessons: episodes that a teacher played, as the conversations that an agent would have had.

Lessons come from the same environments, protocols and prompts as play. Some replies are slips on purpose:
actions that lead elsewhere, that are impossible, or that have no form. A slip is never taught; what the
teacher does after it is. Tasks have seeds that no task to be played has, and none has the content of one.
"""

import random
import re
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from arena.agent import remembered
from arena.bundled.teachers import next_step
from arena.engines.base import Message
from arena.prompt import Briefing, Item, build
from arena.protocol import protocol
from arena.protocol.base import ReplyProtocol
from envs import registry
from envs.base import ArenaEnv, Task
from envs.pddl.env import PDDLEnv
from envs.pddl.tasks import generate_small
from envs.pddl.wording import wording
from envs.tools.generate.draw import draw

_DIGIT = re.compile(r"\d")

FIRST_SEED = 1_000_000
"""Seeds of lessons begin here; those of tasks to be played are far below."""

PDDL_SIZES = {"gripper": (1, 2, 3, 3, 4, 4, 6), "blockworld": (1, 2, 2, 3, 3, 5)}
"""Sizes that are taught. Played are also 5 (gripper) and 4 (blockworld), which no lesson has."""

RENUMBERED, NUMBERS = 0.8, range(1, 10)
"""How many PDDL lessons have balls or blocks of any numbers, and which: to be copied, not known."""

PDDL_SHARES = {"gripper": 0.12, "blockworld": 0.115}
TOOL_SHARES = {
    ("tool-query", "weather"): 0.12,
    ("tool-query", "movie"): 0.1,
    ("tool-query", "academia"): 0.09,
    ("tool-operation", "todo"): 0.12,
}
SCIENCE_SHARE = 0.1
"""How many of all lessons are of a domain in each protocol, of a set of tools, and of ScienceWorld."""

SCIENCE_TASKS = ("find-animal", "find-living-thing", "find-non-living-thing", "find-plant")
"""Those of ScienceWorld that are solved within some ten steps; others' texts are too long for a lesson."""
OPENS_DOOR = "open door"
"""How the actions begin that the simulator's solutions have and lessons don't: all doors are open."""

HELD_OUT_SEED = -1
"""The seed of exams, whose lessons of ScienceWorld are of other variations than are taught."""

TOOL_BATCH = 12

EXCERPTS, MOST_EXCERPT_TURNS, MOST_WANDERED_STEPS = 0.25, 4, 10
"""How many of the lessons are excerpts, how long those are, and how far into an episode they begin."""

STRAY, IMPOSSIBLE, FORMLESS = 0.05, 0.03, 0.02
"""How often a reply is a slip of each kind."""


@dataclass(frozen=True)
class Stage:
    """What blocks of lessons up to the one numbered `until` are like.

    `most_turns` bounds lessons: which object is meant, and how a name is copied, is found out sooner in a few
    turns than among many past ones. Of PDDL they are turns from anywhere, of others the first ones and one
    more, since the first is often the same for all tasks. `others` is a factor on the share of all lessons
    but PDDL's, which are learned soonest. `observed` is what a token of a foreseeable observation counts, a
    taught one being 1: foreseeing states teaches what matters, above all at first. `careful` gives more
    replies without form, so that a complaint is no end.
    """

    until: float = float("inf")
    most_turns: int | None = None
    others: float = 1
    observed: float = 0.1
    careful: bool = False


STAGES = (
    Stage(16, most_turns=1, observed=0.3),
    Stage(30, most_turns=3, observed=0.3),
    Stage(45, observed=0.2, others=1.5),
    Stage(60, others=2),
    Stage(others=2.5, careful=True),
)
PLAIN, CAREFUL_FORMLESS = Stage(), 0.08


@dataclass(frozen=True)
class Lesson:
    """A conversation. `taught` says of each message whether it is a reply to be learned.

    `foreseeable`: observations follow from what was said before, as in PDDL; what a tool finds does not.
    """

    messages: tuple[Message, ...]
    taught: tuple[bool, ...]
    foreseeable: bool


def pddl_lessons(
    domain: str, protocol_name: Literal["text", "json"], seed: int, stage: Stage = PLAIN
) -> Iterator[Lesson]:
    """Yield lessons of a domain without end, the same for a seed and a stage."""
    draws = random.Random(f"{domain}/{protocol_name}/{seed}")
    env = PDDLEnv()
    while True:
        seed_of_task = FIRST_SEED + draws.randrange(10**9)
        task = generate_small(domain, seed_of_task, draws.choice(PDDL_SIZES[domain]))
        if draws.random() < RENUMBERED:
            task = renumbered(task, draws)
        if content(task) not in played_contents():
            excerpt = stage.most_turns or (MOST_EXCERPT_TURNS if draws.random() < EXCERPTS else None)
            yield lesson(env, task, protocol(protocol_name), draws, excerpt, careful=stage.careful)


def tool_lessons(benchmark: str, subset: str, seed: int, stage: Stage = PLAIN) -> Iterator[Lesson]:
    """Yield lessons of a set of tools without end, the same for a seed and a stage; always as JSON calls."""
    draws = random.Random(f"{subset}/{seed}")
    env = registry.benchmark(benchmark).make()
    while True:
        for task in draw(benchmark, subset, FIRST_SEED + draws.randrange(10**9), TOOL_BATCH):
            if content(task) not in played_contents():
                excerpt = MOST_EXCERPT_TURNS - 1 if draws.random() < EXCERPTS else None
                most = excerpt if stage.most_turns is None else stage.most_turns + 1
                yield lesson(env, task, protocol("json"), draws, most, careful=stage.careful)


def science_lessons(seed: int, stage: Stage = PLAIN) -> Iterator[Lesson]:
    """Yield lessons of ScienceWorld without end, the same for a seed and a stage; always as action lines.

    They are of the simulator's own variations for training, for exams of those for development. Raises
    `MissingPackage` where the simulator or Java isn't installed.
    """
    draws = random.Random(f"scienceworld/{seed}")
    split = "dev" if seed == HELD_OUT_SEED else "train"
    names = [task.id for task in science_tasks(split)]
    while True:
        whole = _science_lesson(draws.choice(names))
        if whole:
            end = None if stage.most_turns is None else 2 + 2 * (stage.most_turns + 1)
            yield Lesson(whole.messages[:end], whole.taught[:end], foreseeable=False)


def science_tasks(split: str) -> list[Task]:
    """Return the tasks of ScienceWorld that are taught, or asked in exams, in the simulator's order."""
    tasks = registry.tasks("scienceworld")
    return [task for task in tasks if task.subset in SCIENCE_TASKS and task.data["split"] == split]


@cache
def _science_lesson(name: str) -> Lesson | None:
    """Return the simulator's own solution of a task; None where it is none."""
    task = registry.find_task(name)
    with closing(registry.benchmark("scienceworld").make()) as env:
        path = _through_open_doors(env)
        with suppress(NotImplementedError):
            whole = lesson(env, task, protocol("text"), random.Random(), teacher=lambda _: next(path, None))
            return whole if whole.messages[-1].role == "assistant" and not list(path) else None
    return None


def _through_open_doors(env: ArenaEnv) -> Iterator[str]:
    for action in env.expert():
        if not action.startswith(OPENS_DOOR):
            yield action


def renumbered(task: Task, draws: random.Random) -> Task:
    """Return a PDDL task whose balls or blocks have other numbers, in any order."""
    names = [name for name, _ in task.data["objects"] if _DIGIT.search(name)]
    numbers = draws.sample(NUMBERS, len(names))
    new = {name: _DIGIT.sub(str(number), name) for name, number in zip(names, numbers, strict=True)}
    data = {
        key: sorted([new.get(word, word) for word in row] for row in task.data[key])
        for key in ("objects", "init", "goal")
    }
    return replace(task, data={**task.data, **data})


def content(task: Task) -> str:
    """Return what a task asks, whatever its seed and name: equal for two tasks that are the same problem."""
    parts = {key: value for key, value in sorted(task.data.items()) if key != "wording"}
    return f"{task.benchmark} {task.goal if 'tool' in task.data else ''} {parts}"


@cache
def played_contents() -> frozenset[str]:
    """Return the contents of all bundled tasks of the benchmarks that are taught."""
    taught = ("pddl", *dict.fromkeys(benchmark for benchmark, _ in TOOL_SHARES))
    return frozenset(content(task) for name in taught for task in registry.tasks(name))


def lesson(
    env: ArenaEnv,
    task: Task,
    speaks: ReplyProtocol,
    draws: random.Random,
    most_turns: int | None = None,
    *,
    careful: bool = False,
    teacher: Callable[[ArenaEnv], str | None] | None = None,
) -> Lesson:
    """Play a task as its teacher would, with some slips, and return the conversation.

    `most_turns` makes it an excerpt: so many turns, of a small PDDL task from somewhere in the episode on
    (its observations tell everything), of others the first ones.
    """
    first, _ = env.reset(seed=task.seed, options={"task": task})
    if most_turns and isinstance(env, PDDLEnv):
        first = _wander(env, first, draws)
    history, taught, over = [Item("observation", first)], [False], False
    steps, teach = 0, teacher or _taught_action
    while not over and steps < (most_turns or task.max_steps) and (action := teach(env)):
        reply, is_slip = _reply(env, action, speaks, draws, careful)
        decision = speaks.parse(reply, "stop", env.tools())
        if decision.action is None:
            assert decision.failure is not None
            told = speaks.complaint(decision.failure)
        else:
            told, _, terminated, truncated, _ = env.step(decision.action)
            over = terminated or truncated
        steps += 1
        history += [remembered(reply, decision), Item("observation", told)]
        taught += [not is_slip, False]
    if over:  # nobody replies to the last observation
        history, taught = history[:-1], taught[:-1]
    briefing = Briefing("", "", speaks.in_brief(), (), env.goal())
    prompt = build(briefing, history, "terse", lambda _: 0, None)
    return Lesson(prompt.messages, (False, *taught), isinstance(env, PDDLEnv))


def _wander(env: ArenaEnv, observation: str, draws: random.Random) -> str:
    """Play some steps, mostly the teacher's, and return the last observation before the end."""
    for _ in range(draws.randrange(MOST_WANDERED_STEPS)):
        action = _taught_action(env) if draws.random() < 0.7 else draws.choice(env.valid_actions())
        if action is None:
            break
        told, _, terminated, truncated, _ = env.step(action)
        if terminated or truncated:
            return env.reset(options={"task": env.task})[0]
        observation = told
    return observation


def _taught_action(env: ArenaEnv) -> str | None:
    if not isinstance(env, PDDLEnv):
        return next(iter(env.expert()), None)
    assert env.task is not None
    domain = env.task.data["domain"]
    step = next_step(domain, env.facts(), [tuple(atom) for atom in env.task.data["goal"]])
    return wording(domain).action(*step) if step else None


def _reply(
    env: ArenaEnv, action: str, speaks: ReplyProtocol, draws: random.Random, careful: bool
) -> tuple[str, bool]:
    """Return the reply to play, and whether it is a slip."""
    chance = draws.random()
    if isinstance(env, PDDLEnv) and chance < STRAY + IMPOSSIBLE:
        other = draws.choice(env.valid_actions()) if chance < STRAY else _garbled(env, action, draws)
        with suppress(ValueError):  # a call of things that the tools don't offer can't be said
            return _say(env, other, speaks), True
    right = _say(env, action, speaks)
    if speaks.name == "json" and chance > 1 - (CAREFUL_FORMLESS if careful else FORMLESS):
        # a wrong call of a tool may change what its teacher can't mend
        return _formless(right, action, draws, careful and isinstance(env, PDDLEnv)), True
    return right, False


def _say(env: ArenaEnv, action: str, speaks: ReplyProtocol) -> str:
    return speaks.render(action, env.action_to_call(action) if speaks.name == "json" else None)


def _garbled(env: ArenaEnv, action: str, draws: random.Random) -> str:
    """Return the action with another object in it, which is nearly always impossible."""
    assert env.task is not None
    names, words = [name for name, _ in env.task.data["objects"]], action.split()
    places = [place for place, word in enumerate(words) if word in names]
    words[draws.choice(places)] = draws.choice(names)
    return " ".join(words)


def _formless(reply: str, action: str, draws: random.Random, careful: bool) -> str:
    kinds: tuple[str, ...] = (
        reply[:-1],
        reply.replace('"', "'"),
        action,
        reply.replace('"arguments"', '"args"'),
        reply[: len(reply) // 2],
        f"{reply} {reply}",
    )
    if careful:  # things that are not there
        kinds += (
            _DIGIT.sub(lambda _: str(draws.randrange(10)), reply),
            '{"name":"finish","arguments":{"answer":"done"}}',
            reply.replace('"name":"', '"name":"re'),
        )
    return draws.choice(kinds)


@dataclass(frozen=True)
class Kind:
    """A kind of lesson: its name, its share of all lessons, and the lessons themselves, without end."""

    name: str
    share: float
    lessons: Iterator[Lesson]


def mixture(seed: int, stage: Stage = PLAIN) -> list[Kind]:
    """Return the kinds of lessons, the same for a seed and a stage."""
    forms: tuple[Literal["text", "json"], ...] = ("text", "json")
    kinds = [
        Kind(f"{domain} {form}", share, pddl_lessons(domain, form, seed, stage))
        for domain, share in PDDL_SHARES.items()
        for form in forms
    ]
    kinds += [
        Kind(subset, share * stage.others, tool_lessons(benchmark, subset, seed, stage))
        for (benchmark, subset), share in TOOL_SHARES.items()
    ]
    return [*kinds, Kind("scienceworld", SCIENCE_SHARE * stage.others, science_lessons(seed, stage))]


def lessons(seed: int, stage: Stage = PLAIN) -> Iterator[Lesson]:
    """Yield lessons of all kinds, in their shares, without end: the same for a seed and a stage."""
    draws = random.Random(seed)
    kinds = mixture(seed, stage)
    shares = [kind.share for kind in kinds]
    while True:
        yield next(draws.choices(kinds, shares)[0].lessons)
