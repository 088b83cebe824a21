"""Who plays what: from what was typed to a plan and its engines."""

import json
import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from arena.compressed import Listener
from arena.contestant import enter
from arena.engines.base import Engine
from arena.engines.options import split_at_commas
from arena.engines.registry import parse_contestant
from arena.errors import UsageError
from arena.plan import Plan
from arena.suite import Suite, expand

CONTESTANTS_FILE = "contestants.toml"


def line_up(
    suite: Suite,
    contestants: Sequence[str],
    limit: int | None = None,
    repeats: int | None = None,
    on_compress: Listener | None = None,
) -> tuple[Plan, dict[str, Engine]]:
    """Return the plan of a suite for contestants as typed (`[NAME=]SPEC[,option=value…]`), and their engines.

    Models of `MODEL+RECIPE` that are not kept yet are compressed now; `on_compress` hears how far that is.
    Raises `UsageError` for names that are unknown or given twice, `EngineError` for unreadable models,
    `envs.errors.EnvsError` for unknown tasks or missing data.
    """
    known = read_contestants()
    entered, engines = [], {}
    for text in contestants:
        contestant, engine = enter(parse_contestant(_from_file(text, known)), suite.settings, on_compress)
        if contestant.name in engines:
            raise UsageError(f"two contestants are called {contestant.name!r}", "give one a NAME= of its own")
        entered.append(contestant)
        engines[contestant.name] = engine
    tasks = expand(suite, limit)
    return Plan(suite, entered, tasks, repeats or suite.settings.repeats), engines


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
    except (OSError, ValueError) as error:
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
