"""Who plays what: from what was typed to a plan and its engines."""

import json
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from arena import presets
from arena.compressed import Listener
from arena.contestant import Contestant, enter
from arena.engines.base import Engine
from arena.engines.options import split_at_commas
from arena.engines.registry import parse_contestant
from arena.errors import EngineError, MissingPackage, UsageError
from arena.plan import Plan
from arena.planned import MOST_REPEATS
from arena.suite import Suite, expand

Shard = tuple[int, int]
"""Which part of a suite, numbered from 1, of how many."""

HUB = "https://huggingface.co/"
CONTESTANTS_FILE = "contestants.toml"


def line_up(
    suite: Suite,
    contestants: Sequence[str],
    limit: int | None = None,
    repeats: int | None = None,
    on_compress: Listener | None = None,
    shard: Shard | None = None,
) -> tuple[Plan, dict[str, Engine]]:
    """Return the plan of a suite for contestants as typed (`[NAME=]SPEC[,option=value…]`), and their engines.

    `limit` bounds the tasks of each group; of a `shard` (I, N) it holds every N-th task, from the I-th on.
    Models of `MODEL+RECIPE` that are not kept yet are compressed now; `on_compress` hears how far that is.
    Raises `UsageError` for names that are unknown or given twice, `EngineError` for unreadable models,
    `envs.errors.EnvsError` for unknown tasks or missing data.
    """
    if repeats and repeats > MOST_REPEATS:
        raise UsageError(f"{repeats:,} repeats are more than {MOST_REPEATS:,}", "play fewer")
    known = read_contestants()
    entered, engines = [], {}
    for text in contestants:
        contestant, engine = _enter(_from_file(text, known), suite, on_compress)
        if contestant.name in engines:
            raise UsageError(f"two contestants are called {contestant.name!r}", "give one a NAME= of its own")
        entered.append(contestant)
        engines[contestant.name] = engine
    tasks = expand(suite, limit)
    if shard is not None:
        index, count = shard
        if index > len(tasks):
            shared = "there is 1 task" if len(tasks) == 1 else f"there are {len(tasks)} tasks"
            raise UsageError(
                f"part {index}/{count} has nothing to play: {shared} to share",
                "give fewer parts, or a larger --limit",
            )
        tasks = tasks[index - 1 :: count]
    return Plan(suite, entered, tasks, repeats or suite.settings.repeats), engines


def check_contestant(text: str) -> None:
    """Check a contestant as typed without making its engine. Raises `UsageError` or `EngineError`."""
    parse_contestant(spelled_out(text))


def spelled_out(text: str) -> str:
    """Return a contestant as typed with what the contestants file and the presets say in place of names."""
    return presets.typed(_from_file(text, read_contestants()))[0]


def parse_shard(text: str) -> Shard:
    """Read `I/N`. Raises `UsageError` where it is none."""
    match = re.fullmatch(r"([1-9][0-9]*)/([1-9][0-9]*)", text)
    if match is None or int(match[1]) > int(match[2]):
        raise UsageError(f"--shard {text} is no part of a whole", "write 1/4 for the first of four")
    return int(match[1]), int(match[2])


def _enter(text: str, suite: Suite, on_compress: Listener | None) -> tuple[Contestant, Engine]:
    text, preset = presets.typed(text)
    try:
        return enter(parse_contestant(text), suite.settings, on_compress)
    except EngineError as error:
        if preset is None or isinstance(error, MissingPackage):
            raise
        gate = f", accept its licence on its page at {HUB}{preset.hub}" if preset.gated else ""
        raise EngineError(
            f"{preset.name} can't be had: {error.message}",
            f"go online{gate}; or fetch {preset.hub} where there is a network (`hf download {preset.hub}`),"
            f" copy the folder here and give it as {preset.name}=FOLDER with the options that"
            " `arena agents --json` names",
        ) from error


def read_contestants() -> dict[str, str]:
    """Return the contestants file as name -> `NAME=SPEC,option=value…`; empty where there is none.

    The file is `$ARENA_CONTESTANTS`, else `contestants.toml` in the working directory: one table a
    contestant with `spec` and any options. Raises `UsageError` where it is broken.
    """
    path = Path(os.environ.get("ARENA_CONTESTANTS") or CONTESTANTS_FILE)
    if not path.is_file():
        return {}
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{path} can't be read: {error}") from None
    return {name: _typed(path, name, table) for name, table in tables.items()}


def _typed(path: Path, name: str, table: Any) -> str:
    if not isinstance(table, Mapping) or not isinstance(table.get("spec"), str):
        raise UsageError(f'{path}, [{name}]: a contestant needs spec = "…"')
    options = (f",{key}={_plain(value)}" for key, value in table.items() if key != "spec")
    return f"{name}={table['spec']}{''.join(options)}"


def _plain(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text.replace(",", "\\,")


def _from_file(text: str, known: Mapping[str, str]) -> str:
    """Replace a SPEC that is a name of the contestants file by what the file says."""
    head, *options = split_at_commas(text)
    own_name, _, spec = head.rpartition("=")
    if spec not in known:
        return text
    line = ",".join([known[spec], *(option.replace(",", "\\,") for option in options)])
    return f"{own_name}={line.partition('=')[2]}" if own_name else line
