"""What the study has worked out and keeps beside its run, so that it is not done again."""

import json
from collections import UserDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from arena.errors import StoreError


def whose(plan: Mapping[str, Any], played: Mapping[str, int]) -> dict[str, Any]:
    """Return what tells a run (its `run.toml`), as far as it was `played` (episodes of each), from any other.

    What was worked out from one says nothing of another that happens to be written into the same folder.
    """
    return {
        "plan": plan.get("plan_digest"),
        "created": plan.get("created"),
        "episodes": dict(sorted(played.items())),
    }


def read_kept(path: Path) -> Mapping[str, Any] | None:
    """Return a document that was kept, None where none is. Raises `StoreError` where it can't be read."""
    if not path.is_file():
        return None
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StoreError(
            f"{path} can't be read: {error}", "delete it; it will be worked out again"
        ) from error
    if not isinstance(document, dict):
        raise StoreError(f"{path} is not what the study keeps", "delete it; it will be worked out again")
    return document


def keep(path: Path, document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Write a document as JSON, whole or not at all, and return it as it will be read."""
    _write(path, document)
    return read_kept(path) or {}


def _write(path: Path, document: Mapping[str, Any]) -> None:
    part = path.with_suffix(".part")
    part.write_text(json.dumps(document), encoding="utf-8")
    part.replace(path)


class KeptSteps(UserDict[str, Any]):
    """Steps of an analysis that are written as they are done, so that one that is cut short goes on.

    They count while `of`, what they were worked out from, is the same.
    """

    def __init__(self, path: Path, of: Mapping[str, Any]) -> None:
        super().__init__()
        self._path, self._of = path, of
        kept = read_kept(path)
        if kept is not None and kept.get("of") == of:
            self.data = kept["steps"]

    def __setitem__(self, name: str, step: Any) -> None:
        """Add a step and write all of them."""
        super().__setitem__(name, step)
        _write(self._path, {"of": self._of, "steps": self.data})
