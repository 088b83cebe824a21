"""Lessons are episodes as agents live them, and never tasks that agents are judged on."""

import asyncio
import random
from itertools import islice
from typing import Any

import pytest

from arena.agent import Agent, AgentSettings
from arena.bundled import lessons as lessons_module
from arena.bundled.lessons import (
    FIRST_SEED,
    NUMBERS,
    OPENS_DOOR,
    STAGES,
    Lesson,
    content,
    lesson,
    lessons,
    mixture,
    played_contents,
    renumbered,
    science_lessons,
    science_tasks,
)
from arena.engines.base import Completion, Engine, Request
from arena.protocol import protocol
from arena.records import EpisodeKey
from arena.suite import expand, load_suite
from envs import registry
from envs.base import Task
from envs.pddl.tasks import generate_small
from envs.tools.generate.draw import draw


class NoSlips(random.Random):
    """Chance that never makes a slip."""

    def random(self) -> float:
        return 0.5


class Dictated(Engine):
    """Says what it is told, and remembers what it was asked."""

    def __init__(self, replies: list[str]) -> None:
        self.replies, self.asked = replies, []

    async def complete(self, requests: Any) -> list[Completion]:
        self.asked += requests
        return [Completion(self.replies[request.turn], "stop") for request in requests]

    def identity(self) -> dict[str, str]:
        return {}


def asked_at_play(task: Task, form: str, replies: list[str]) -> list[Request]:
    """Play an episode as the contest does, with these replies, and return what the engine was asked."""
    env, engine = registry.benchmark(task.benchmark).make(), Dictated(replies)
    observation, _ = env.reset(options={"task": task})
    agent = Agent(engine, AgentSettings(form, "terse"), env, EpisodeKey("base", task.id, task.hash, 0, 0))
    for _ in replies:
        thinking = asyncio.run(agent.act(observation))
        observation = (
            env.step(thinking.decision.action)[0]
            if thinking.decision.action is not None
            else agent.complaint(thinking.decision)
        )
    return engine.asked


TASKS = [
    (generate_small("gripper", 5, 3), "text"),
    (generate_small("gripper", 5, 3), "json"),
    (generate_small("blockworld", 5, 3), "json"),
    (draw("tool-query", "weather", 5, 1)[0], "json"),
]


@pytest.mark.parametrize(("task", "form"), TASKS)
@pytest.mark.parametrize("chance", [NoSlips, random.Random])
def test_a_lesson_is_word_for_word_what_the_agent_reads_at_play(task, form, chance, monkeypatch):
    if chance is random.Random:
        monkeypatch.setattr(lessons_module, "STRAY", 0.3 if task.benchmark == "pddl" else 0)
        monkeypatch.setattr(lessons_module, "FORMLESS", 0.3)
    said: list[str] = []
    speaks = protocol(form)
    real = lessons_module._reply
    monkeypatch.setattr(lessons_module, "_reply", lambda *given: said.append(real(*given)) or said[-1])
    found = lesson(registry.benchmark(task.benchmark).make(), task, speaks, chance(3))
    for request in asked_at_play(task, form, [reply for reply, _ in said]):
        assert request.messages == found.messages[: len(request.messages)]
        assert found.messages[len(request.messages)].role == "assistant"
    assert [taught for taught in found.taught if taught] == [True for _, is_slip in said if not is_slip]


def test_slips_are_there_and_are_not_taught():
    some = list(islice(lessons(7), 150))
    replies = [
        (message, taught)
        for each in some
        for message, taught in zip(each.messages, each.taught, strict=True)
        if message.role == "assistant"
    ]
    slips = [message for message, taught in replies if not taught]
    assert 0.03 < len(slips) / len(replies) < 0.15
    assert not any(
        taught
        for each in some
        for message, taught in zip(each.messages, each.taught, strict=True)
        if message.role != "assistant"
    )


def test_the_same_seed_gives_the_same_lessons_and_another_others():
    def few(seed: int) -> list[Lesson]:
        return list(islice(lessons(seed), 12))

    assert few(3) == few(3)
    assert few(3) != few(4)
    assert abs(sum(kind.share for kind in mixture(0)) - 1) < 1e-9  # shares of all lessons


def test_no_lesson_of_any_stage_is_a_task_that_is_played(monkeypatch):
    seen: list[Task] = []
    real = lessons_module.lesson

    def noting(env, task, *given, **named):
        seen.append(task)
        return real(env, task, *given, **named)

    monkeypatch.setattr(lessons_module, "lesson", noting)
    for stage in (STAGES[0], STAGES[-1]):
        for kind in mixture(11, stage):
            list(islice(kind.lessons, 40))
    assert len(seen) >= 400
    assert {task.data["split"] for task in seen if task.benchmark == "scienceworld"} == {"train"}
    assert all(task.seed >= FIRST_SEED for task in seen if task.benchmark != "scienceworld")
    assert not {content(task) for task in seen} & played_contents()
    for task in seen:  # sizes that are played and not taught: see docs/bundled.md
        if task.benchmark == "pddl":
            assert sum(any(map(str.isdigit, name)) for name, _ in task.data["objects"]) != 5


def test_lessons_of_scienceworld_are_solutions_through_open_doors_word_for_word():
    whole = list(islice(science_lessons(5), 6))
    assert whole == list(islice(science_lessons(5), 6))
    tasks = science_tasks("train")
    for each in whole[:2]:
        replies = [message.content for message in each.messages if message.role == "assistant"]
        assert not any(reply.startswith(OPENS_DOOR) for reply in replies)
        task = next(t for t in tasks if lessons_module._science_lesson(t.id) == each)
        for request in asked_at_play(task, "text", replies):
            assert request.messages == each.messages[: len(request.messages)]
        env = registry.benchmark("scienceworld").make()
        env.reset(options={"task": task})
        assert [env.step(reply)[4]["success"] for reply in replies][-1]
        env.close()


def test_excerpts_of_scienceworld_begin_with_the_episode():
    whole, first = (next(science_lessons(5, stage)) for stage in (STAGES[-1], STAGES[0]))
    assert first.messages == whole.messages[: len(first.messages)]
    assert sum(first.taught) == 2


def test_exams_of_scienceworld_are_of_other_variations_than_are_taught():
    played = {task.id for task in expand(load_suite("bundled")) if task.benchmark == "scienceworld"}
    assert len(played) >= 32
    taught, asked = ({task.id for task in science_tasks(split)} for split in ("train", "dev"))
    assert not taught & asked
    assert not (taught | asked) & played


def test_balls_and_blocks_of_other_numbers_are_the_same_problem():
    task = generate_small("blockworld", 5, 3)
    other = renumbered(task, random.Random(1))
    names, new = ({name for name, _ in each.data["objects"]} for each in (task, other))
    assert len(new) == len(names)
    assert new != names
    assert all(name[0] == "b" and int(name[1:]) in NUMBERS for name in new)
    env = registry.benchmark("pddl").make()
    steps = []
    for each in (task, other):
        env.reset(options={"task": each})
        steps.append(len(env.expert()))
    assert steps[0] == steps[1]
    assert other.goal == task.goal


def test_a_task_that_is_played_would_be_known_under_any_seed():
    small = generate_small("gripper", 0, 2)
    assert content(small) in played_contents()
    assert content(generate_small("gripper", 1, 3)) in played_contents()
    assert content(generate_small("gripper", FIRST_SEED, 6)) not in played_contents()
