"""What compression did inside the study's models: one analysis a family, made once and kept."""

from collections import Counter
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from arena.analyzing.models import in_this_process, named
from arena.analyzing.study import Progress, Source, study
from arena.analyzing.tally import without_nan
from arena.engines.registry import ContestantSpec
from arena.plan import read_plan
from arena.score import read_scores
from arena.study.family import Family, families
from arena.study.kept import KeptSteps, keep, read_kept, whose
from arena.study.lineup import plain_name

MOST_TOKENS = 4096
"""Tokens of its base's trajectories, prompts included, that each compressed model reads: about two minutes
for half a billion parameters on two cores."""


def analyses_of(
    run: Path, folder: Path, tell: Callable[[str], None], *, goes_on: bool = True
) -> list[Mapping[str, Any]]:
    """Return the analysis of each family of a run, on its base's own trajectories.

    Contestants that have finished no episode yet are left out, and those that a server keeps. An analysis
    that is kept in `folder` (`analysis-BASE.json`) is made again only when more was played since, and then
    (or after a crash) models that have read the same trajectories don't read them again; not `goes_on`: no
    model is loaded, and those that are new are left out. vLLM's contestants are read by transformers, from
    the same weights. Raises `ArenaError`.
    """
    plan = read_plan(run)
    specs = {each["name"]: spec for each in plan["contestants"] if (spec := in_this_process(each))}
    _, episodes, _ = read_scores(run)
    played = Counter(each.contestant for each in episodes)
    found: list[Mapping[str, Any]] = []
    for family in by_weights(having_played(played.keys() & specs.keys(), families(run)), specs):
        path = folder / f"analysis-{plain_name(family.base)}.json"
        names = [family.base, *family.compressed.values()]
        kept, now = read_kept(path), whose(plan, {name: played[name] for name in names})
        if kept is None or kept.get("of") != now:
            read = whose(plan, {family.base: played[family.base]}) | {"tokens": MOST_TOKENS}
            steps = KeptSteps(path.with_suffix(".steps.json"), read)
            base, *others = named([specs[name] for name in names])
            source = Source(run=run, contestant=family.base, most_tokens=MOST_TOKENS)
            kept = without_nan(
                study(base, others, source, None, _teller(tell), steps, known_only=not goes_on)
            )
            if goes_on:
                kept = keep(path, {**kept, "of": now})
        if kept["models"]:
            found.append(kept)
    return found


def _teller(tell: Callable[[str], None]) -> Progress:
    """Return what says once each that a model is loaded or its weights are read: a minute or more each."""
    said: set[str] = set()

    def progress(what: str, _: int) -> None:
        if what not in said and what.startswith(("load", "weigh")):
            said.add(what)
            tell(f"looking inside: {what}")

    return progress


def having_played(played: Container[str], found: Sequence[Family]) -> list[Family]:
    """Return the families whose base is among those who played, with those of their contestants that are."""
    return [
        replace(
            family,
            compressed={recipe: name for recipe, name in family.compressed.items() if name in played},
        )
        for family in found
        if family.base in played and any(name in played for name in family.compressed.values())
    ]


def by_weights(found: Sequence[Family], specs: Mapping[str, ContestantSpec]) -> list[Family]:
    """Join the families of a base that plays in two engines: what is inside doesn't depend on the engine."""
    joined: dict[str, Family] = {}
    for family in found:
        model = specs[family.base].spec
        known = joined.setdefault(model, family)
        joined[model] = replace(known, compressed={**family.compressed, **known.compressed})
    return list(joined.values())
