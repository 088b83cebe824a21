"""What the study has worked out and keeps beside its run, so that it is not done again."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def read_kept(path: Path) -> Mapping[str, Any] | None:
    """Return a document that was kept, None where none is."""
    if not path.is_file():
        return None
    document: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


def keep(path: Path, document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Write a document as JSON, whole or not at all, and return it as it will be read."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(document), encoding="utf-8")
    part.replace(path)
    return read_kept(path) or {}
