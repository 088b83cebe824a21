"""What compression did inside the study's models: one analysis a family, made once and kept."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from arena.analyzing.models import in_this_process, named
from arena.analyzing.study import Source, study
from arena.analyzing.tally import without_nan
from arena.engines.registry import ContestantSpec
from arena.plan import read_plan
from arena.study.family import Family, families

MOST_TOKENS = 4096
"""Tokens of its base's trajectories that each compressed model reads."""


def analyses_of(run: Path, folder: Path, tell: Callable[[str], None]) -> list[Mapping[str, Any]]:
    """Return the analysis of each family of a run, on its base's own trajectories.

    An analysis that is kept in `folder` (`analysis-N.json`) is not made again. vLLM's contestants are read by
    transformers, from the same weights. Raises `ArenaError`.
    """
    specs = {each["name"]: spec for each in read_plan(run)["contestants"] if (spec := in_this_process(each))}
    found: list[Mapping[str, Any]] = []
    for number, family in enumerate(by_weights(families(run), specs)):
        path = folder / f"analysis-{number}.json"
        if not path.is_file():
            tell(f"looking inside {family.base} and {len(family.compressed)} compressed ones")
            names = [family.base, *family.compressed.values()]
            base, *others = named([specs[name] for name in names])
            source = Source(run=run, contestant=family.base, most_tokens=MOST_TOKENS)
            document = without_nan(study(base, others, source, None, lambda what, more: None))
            part = path.with_suffix(".part")
            part.write_text(json.dumps(document), encoding="utf-8")
            part.replace(path)
        found.append(json.loads(path.read_text(encoding="utf-8")))
    return found


def by_weights(found: Sequence[Family], specs: Mapping[str, ContestantSpec]) -> list[Family]:
    """Join the families of a base that plays in two engines: what is inside doesn't depend on the engine."""
    joined: dict[str, Family] = {}
    for family in found:
        model = specs[family.base].spec
        known = joined.setdefault(model, family)
        joined[model] = replace(known, compressed={**family.compressed, **known.compressed})
    return list(joined.values())
