"""Requests for tests of engines, and an environment's oracle that says what the test wants."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from arena.engines.base import Message, Request, Sampling


@dataclass
class Oracle:
    plan: Sequence[str] = ()
    valid: Sequence[str] = ()
    slow_s: float = 0.0

    def expert_reply(self, turn: int) -> str:
        time.sleep(self.slow_s)
        return self.plan[turn] if turn < len(self.plan) else ""

    def valid_replies(self) -> Sequence[str]:
        time.sleep(self.slow_s)
        return self.valid


class NoOracle:
    """A benchmark without expert that can't list its actions."""

    def expert_reply(self, turn: int) -> str:
        raise NotImplementedError

    def valid_replies(self) -> Sequence[str]:
        raise NotImplementedError


def request(
    prompt: str = "Action:",
    *,
    task: str = "pddl/gripper/0",
    turn: int = 0,
    repeat: int = 0,
    oracle: Any = None,
    on_text: Callable[[str], None] | None = None,
    tools: Sequence[dict[str, Any]] = (),
    **sampling: Any,
) -> Request:
    return Request(
        messages=(Message("system", "You play."), Message("user", prompt)),
        sampling=Sampling(**sampling),
        session=f"{task}|{repeat}",
        task=task,
        repeat=repeat,
        turn=turn,
        oracle=oracle or Oracle(),
        tools=tuple(tools),
        on_text=on_text,
    )
