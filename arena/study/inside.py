"""What compression did inside the study's models: one analysis a family, made once and kept."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from arena.analyzing.models import in_this_process, named
from arena.analyzing.study import Source, study
from arena.analyzing.tally import without_nan
from arena.engines.registry import ContestantSpec
from arena.plan import read_plan
from arena.score import read_scores
from arena.study.family import Family, families
from arena.study.kept import keep, read_kept

MOST_TOKENS = 4096
"""Tokens of its base's trajectories, prompts included, that each compressed model reads: about two minutes
for half a billion parameters on two cores."""


def analyses_of(run: Path, folder: Path, tell: Callable[[str], None]) -> list[Mapping[str, Any]]:
    """Return the analysis of each family of a run, on its base's own trajectories.

    Contestants that have finished no episode yet are left out. An analysis that is kept in `folder`
    (`analysis-N.json`) is made again only when others have played since. vLLM's contestants are read by
    transformers, from the same weights. Raises `ArenaError`.
    """
    specs = {each["name"]: spec for each in read_plan(run)["contestants"] if (spec := in_this_process(each))}
    found: list[Mapping[str, Any]] = []
    for number, family in enumerate(by_weights(having_played(run, families(run)), specs)):
        path = folder / f"analysis-{number}.json"
        names = [family.base, *family.compressed.values()]
        kept = read_kept(path)
        if kept is None or {kept["base"]["name"], *kept["models"]} != set(names):
            tell(f"looking inside {family.base} and {len(family.compressed)} compressed ones")
            base, *others = named([specs[name] for name in names])
            source = Source(run=run, contestant=family.base, most_tokens=MOST_TOKENS)
            kept = keep(path, without_nan(study(base, others, source, None, lambda what, more: None)))
        found.append(kept)
    return found


def having_played(run: Path, found: Sequence[Family]) -> list[Family]:
    """Return the families whose base has finished an episode, with those of their contestants that have."""
    _, episodes, _ = read_scores(run)
    played = {each.contestant for each in episodes}
    return [
        replace(
            family,
            compressed={recipe: name for recipe, name in family.compressed.items() if name in played},
        )
        for family in found
        if family.base in played and played & set(family.compressed.values())
    ]


def by_weights(found: Sequence[Family], specs: Mapping[str, ContestantSpec]) -> list[Family]:
    """Join the families of a base that plays in two engines: what is inside doesn't depend on the engine."""
    joined: dict[str, Family] = {}
    for family in found:
        model = specs[family.base].spec
        known = joined.setdefault(model, family)
        joined[model] = replace(known, compressed={**family.compressed, **known.compressed})
    return list(joined.values())
