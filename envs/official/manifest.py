"""What an import leaves beside the data: each file's size, SHA-256, origin and date."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from envs.errors import BadData

NAME = ".arena-manifest"
"""JSON, without the ending: readers that look for *.json must not take it for data."""


@dataclass(frozen=True)
class Kept:
    """One imported file: bytes, SHA-256 in hex, records inside, where it came from, when (ISO 8601, UTC)."""

    size: int
    sha256: str
    records: int
    source: str
    imported: str


def read(folder: Path) -> dict[str, Kept]:
    """Return a data folder's manifest by file; empty where it has none. Raises `BadData` where it is torn."""
    path = folder / NAME
    if not path.is_file():
        return {}
    try:
        listed = json.loads(path.read_text(encoding="utf-8"))["files"]
        return {
            str(name): Kept(
                int(kept["size"]),
                str(kept["sha256"]),
                int(kept["records"]),
                str(kept["source"]),
                str(kept["imported"]),
            )
            for name, kept in listed.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadData(
            f"{path} is no manifest of an import: {error!r}"[:300], "import the data again"
        ) from None


def write(folder: Path, kept: Mapping[str, Kept]) -> None:
    """Write a data folder's manifest."""
    listed = {name: asdict(each) for name, each in sorted(kept.items())}
    text = json.dumps({"files": listed}, ensure_ascii=False, indent=1)
    (folder / NAME).write_text(text + "\n", encoding="utf-8", errors="backslashreplace")


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
