"""What there is to play, who can play it, and what was played, at a glance.

Imports no heavy package, and next to nothing before it is asked: the first screen waits for this module.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Literal

from arena.errors import ArenaError, UsageError
from arena.paths import typed_path
from envs.errors import EnvsError

PlayableState = Literal["unknown", "playable", "needs-data", "needs-package", "broken"]
RunState = Literal["running", "finished", "owed", "broken"]

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")


@dataclass(frozen=True)
class Playable:
    """A suite or a benchmark. `what` is how `arena play` is told; `mend` the command that makes it playable.

    `tasks` counts its tasks, `subsets` those of each subset, in order.
    """

    what: str
    kind: Literal["suite", "benchmark"]
    about: str
    state: PlayableState = "unknown"
    mend: str = ""
    tasks: int = 0
    subsets: Mapping[str, int] | None = None


@dataclass(frozen=True)
class Candidate:
    """Who could play: a contestant as typed, and what that is.

    `mend` is the command that brings what it lacks, `lacks` says what that is; both empty where it can play.
    """

    typed: str
    about: str
    group: Literal["bundled", "file", "engine", "preset"]
    mend: str = ""
    lacks: str = ""


@dataclass(frozen=True)
class RunSummary:
    """A recorded run. `owed` episodes of those planned have no score; `problem`: why it can't be read."""

    run: str
    suite: str
    created: str
    contestants: Sequence[str]
    planned: int
    done: int
    errors: int
    state: RunState
    problem: str = ""

    @property
    def owed(self) -> int:
        """How many of the planned episodes have no score yet."""
        return self.planned - self.done


def list_playables() -> list[Playable]:
    """Return all suites and benchmarks by name, not looked at yet: at once. See `examine`."""
    from arena.suite import load_suite, suite_names
    from envs import registry

    suites = [Playable(name, "suite", load_suite(name).description) for name in suite_names()]
    cards = registry.benchmarks().values()
    return suites + [Playable(card.name, "benchmark", f"{card.title}: {card.capability}") for card in cards]


def examine(playable: Playable) -> Playable:
    """Return what is known of a suite or benchmark once its tasks are read; may take a second."""
    try:
        return _suite(playable) if playable.kind == "suite" else _benchmark(playable)
    except (ArenaError, EnvsError) as problem:
        return replace(playable, state="broken", mend=problem.next_step or problem.message)


def _suite(playable: Playable) -> Playable:
    from arena.suite import expand, load_suite
    from envs import registry

    suite = load_suite(playable.what)
    for group in suite.tasks:
        source = "bundled" if group.source == "best" else group.source
        state, mend = registry.state(registry.benchmark(group.benchmark), source)
        if state != "playable":
            return replace(playable, state=state, mend=mend)
    return replace(playable, state="playable", tasks=len(expand(suite)))


def _benchmark(playable: Playable) -> Playable:
    from envs import registry

    state, mend = registry.state(registry.benchmark(playable.what))
    if state != "playable":
        return replace(playable, state=state, mend=mend)
    tasks = registry.tasks(playable.what)
    subsets = Counter(task.subset for task in tasks if task.subset)
    return replace(playable, state=state, tasks=len(tasks), subsets=subsets)


def list_candidates() -> list[Candidate]:
    """Return who could play without anything being typed.

    The bundled agent and its variants, the contestants file, engines that take nothing, presets.
    Raises `UsageError` where the contestants file is broken.
    """
    return [*_bundled(), *_from_file(), *_engines(), *_presets()]


def _bundled() -> Iterator[Candidate]:
    from compress.compressor import OWN_METHODS
    from compress.recipe import read_recipe, recipe_names

    yield Candidate("bundled", "the small agent that ships with Arena", "bundled")
    has_compressor = find_spec("llmcompressor") is not None
    for name in recipe_names():
        recipe = read_recipe(name)
        if has_compressor or isinstance(recipe, OWN_METHODS):
            yield Candidate(f"bundled+{name}", recipe.about, "bundled")
        else:
            lacks = "is made by llm-compressor, which is not installed here"
            yield Candidate(
                f"bundled+{name}", recipe.about, "bundled", "pip install 'arena[compress]'", lacks
            )


def _from_file() -> Iterator[Candidate]:
    from arena.lineup import read_contestants

    for name, typed in read_contestants().items():
        yield Candidate(name, typed.partition("=")[2], "file")


def _engines() -> Iterator[Candidate]:
    from arena.engines.registry import BUILT_IN, engine_kinds

    for kind in engine_kinds():
        takes_more = kind.kind in BUILT_IN and BUILT_IN[kind.kind].takes
        if kind.kind != "bundled" and not takes_more and not kind.form.endswith("…"):
            lacks = "needs a package that is not installed" if kind.mend else ""
            yield Candidate(kind.kind, kind.what, "engine", kind.mend, lacks)


def _presets() -> Iterator[Candidate]:
    from arena.presets import presets

    for preset in presets().values():
        yield Candidate(preset.name, f"{preset.title}: {preset.remarks()}", "preset")


def check_candidate(typed: str) -> None:
    """Check a contestant as typed as far as that needs no engine; files that it names must be there.

    Raises `UsageError` or `EngineError`.
    """
    from arena.compressed import split_recipe
    from arena.engines.registry import MODEL_KINDS, SHORTHANDS, parse_contestant
    from arena.lineup import spelled_out

    spec = parse_contestant(spelled_out(typed)).spec
    kind, colon, argument = split_recipe(spec)[0].partition(":")
    is_file = kind == "script" or (kind in MODEL_KINDS and argument not in SHORTHANDS)
    if not colon or not is_file or typed_path(argument).exists():
        return
    if kind == "script" or not _HUB_ID.fullmatch(argument):
        raise UsageError(
            f"there is no {argument}: no such file or folder",
            "check the spelling" if kind == "script" else "give a model's folder, a GGUF file or a hub id",
        )


def recent_runs() -> list[RunSummary]:
    """Return all runs of the runs folder, the newest first."""
    from arena.runs import list_runs
    from arena.store.files import is_being_played, runs_folder

    folder = runs_folder()
    return [
        RunSummary(**each, state=_run_state(each, running=is_being_played(folder / each["run"])))
        for each in reversed(list_runs())
    ]


def _run_state(summary: Mapping[str, object], *, running: bool) -> RunState:
    if summary["problem"]:
        return "broken"
    if running:
        return "running"
    return "finished" if summary["done"] == summary["planned"] else "owed"
