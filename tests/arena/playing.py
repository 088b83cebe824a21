"""Contestants and plans for tests of how a run is played."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from arena.contestant import Contestant, agent_settings
from arena.engines.base import Completion, Engine, Request
from arena.plan import Plan
from arena.records import Event
from arena.run import Tally, play_run
from arena.suite import expand, parse_suite

Answer = Callable[[Request], str]


class AnsweringEngine(Engine):
    """Answers with a function of the request; `most_in_flight` says how many were asked at once."""

    def __init__(self, answer: Answer, concurrency: int = 4) -> None:
        self.answer, self.concurrency = answer, concurrency
        self.asked: list[Request] = []
        self.in_flight = self.most_in_flight = self.starts = 0

    async def start(self) -> None:
        self.starts += 1

    async def complete(self, requests: Sequence[Request]) -> list[Completion]:
        self.asked += requests
        self.in_flight += 1
        self.most_in_flight = max(self.in_flight, self.most_in_flight)
        try:
            await asyncio.sleep(0.002)
            return [Completion(self.answer(request), "stop", 10, 2) for request in requests]
        finally:
            self.in_flight -= 1

    def identity(self) -> Mapping[str, Any]:
        return {"engine": "answering"}


def ladder_plan(names: Sequence[str], repeats: int = 1) -> Plan:
    suite = parse_suite('name = "ladders"\n[[tasks]]\nbenchmark = "ladder"\n', "ladders")
    settings = agent_settings(suite.settings, {})
    contestants = [Contestant(name, name, {}, settings, {"engine": {"name": name}}) for name in names]
    return Plan(suite, contestants, expand(suite), repeats)


def play(
    plan: Plan, run: Path, engines: Mapping[str, Engine], listen: Callable[[Event], None] | None = None, **how
) -> tuple[Tally, list[Event]]:
    events: list[Event] = []

    def hear(event: Event) -> None:
        events.append(event)
        if listen:
            listen(event)

    return asyncio.run(play_run(plan, run, engines, hear, **how)), events


def ups(request: Request) -> str:
    return "up"
