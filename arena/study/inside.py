"""What compression did inside the study's models: one analysis a family, made once and kept."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from arena.analyzing.models import candidates
from arena.analyzing.study import Source, study
from arena.analyzing.tally import without_nan
from arena.plan import read_plan
from arena.study.family import families

MOST_TOKENS = 16_384
"""Tokens of its base's trajectories that each compressed model reads."""


def analyses_of(run: Path, folder: Path, tell: Callable[[str], None]) -> list[Mapping[str, Any]]:
    """Return the analysis of each family of a run, on its base's own trajectories.

    An analysis that is kept in `folder` (`analysis-N.json`) is not made again. vLLM's contestants are read by
    transformers, from the same weights. Raises `ArenaError`.
    """
    specs = {each["name"]: each["spec"] for each in read_plan(run)["contestants"]}
    found: list[Mapping[str, Any]] = []
    for number, family in enumerate(families(run)):
        path = folder / f"analysis-{number}.json"
        if not path.is_file():
            tell(f"looking inside {family.base} and {len(family.compressed)} compressed ones")
            names = [family.base, *family.compressed.values()]
            base, *others = candidates([f"{name}={_in_transformers(specs[name])}" for name in names])
            source = Source(run=run, contestant=family.base, most_tokens=MOST_TOKENS)
            document = without_nan(study(base, others, source, None, lambda what, more: None))
            part = path.with_suffix(".part")
            part.write_text(json.dumps(document), encoding="utf-8")
            part.replace(path)
        found.append(json.loads(path.read_text(encoding="utf-8")))
    return found


def _in_transformers(spec: str) -> str:
    return f"hf:{spec.removeprefix('vllm:')}" if spec.startswith("vllm:") else spec
