"""How many turns and tokens an episode of each benchmark takes: the figures of `arena/expected.toml`.

Two contestants that need no model play a few tasks of every benchmark of `acbench`: `expert` takes as few
turns as one can, `random` as many as most weak agents. Their prompts (the text protocol, the whole history)
and replies are counted with the tokenizer of SmolLM2, which is of the common size (49,152).
"""

import asyncio
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from arena.engines.base import Completion, Engine, Request
from arena.engines.hf_load import find_checkpoint
from arena.engines.hf_tokenizer import load_tokenizer
from arena.engines.registry import make_engine
from arena.lineup import line_up
from arena.records import EpisodeEnded, Event, TurnPlayed
from arena.run import play_run
from arena.suite import Suite, TaskGroup, load_suite


class Counted(Engine):
    """Another engine, whose prompts and replies are counted in tokens."""

    def __init__(self, engine: Engine, tokenizer: Any) -> None:
        self._engine, self._tokenizer = engine, tokenizer

    async def complete(self, requests: Sequence[Request]) -> list[Completion]:
        replies = await self._engine.complete(requests)
        return [
            replace(
                reply,
                prompt_tokens=sum(self._count(message.content) + 4 for message in request.messages),
                completion_tokens=self._count(reply.text),
            )
            for request, reply in zip(requests, replies, strict=True)
        ]

    def identity(self) -> Mapping[str, Any]:
        return self._engine.identity()

    def _count(self, text: str) -> int:
        return len(self._tokenizer(text, add_special_tokens=False).input_ids)


def sampled(suite: Suite, per_subset: int, only: Sequence[str]) -> Suite:
    """Return the suite with so many tasks of each subset of its benchmarks, or of `only` some."""
    groups = only or dict.fromkeys(group.benchmark for group in suite.tasks)
    needle = {"needle": {"subset": "[0-9]*000"}}
    wanted = tuple(
        TaskGroup(benchmark=name, per_subset=per_subset, **needle.get(name, {}))  # type: ignore[arg-type]
        for name in groups
    )
    return suite.model_copy(update={"name": "sampled", "tasks": wanted})


def main(per_subset: int = 1, *only: str) -> None:
    checkpoint = find_checkpoint("smollm2", trust_remote_code=False)
    tokenizer = load_tokenizer(checkpoint, name="smollm2", trust_remote_code=False).tokenizer
    plan, _ = line_up(sampled(load_suite("acbench"), per_subset, only), ["expert", "random"])
    engines = {name: Counted(make_engine(name), tokenizer) for name in ("expert", "random")}
    turns: dict[tuple[str, str], list[TurnPlayed]] = defaultdict(list)
    episodes: dict[tuple[str, str], int] = defaultdict(int)

    def listen(event: Event) -> None:
        if isinstance(event, TurnPlayed | EpisodeEnded):
            where = event.key.task.partition("/")[0], event.key.contestant
            if isinstance(event, TurnPlayed):
                turns[where].append(event)
            elif event.status == "done":
                episodes[where] += 1

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(play_run(plan, Path(folder) / "run", engines, listen))
    print(f"# {per_subset} tasks of each subset")
    for benchmark in dict.fromkeys(task.benchmark for task in plan.tasks):
        print(f"\n[{benchmark}]")
        for who in ("expert", "random"):
            played = turns[benchmark, who]
            if played:
                print(
                    f"# {who}: {episodes[benchmark, who]} episodes,"
                    f" {len(played) / max(1, episodes[benchmark, who]):.1f} turns each, prompts of"
                    f" {statistics.mean(each.turn.prompt_tokens for each in played):.0f} tokens, replies of"
                    f" {statistics.mean(each.turn.completion_tokens for each in played):.0f}"
                )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]), *sys.argv[2:])
