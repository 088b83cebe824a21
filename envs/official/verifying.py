"""Whether official data are still what was imported, and whether they are upstream's own files."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from envs.datasets import official_folder
from envs.official import manifest
from envs.official.catalogue import DataSet, data_set

Status = Literal["ok", "changed", "missing", "unknown"]
Edition = Literal["upstream", "other", "unlisted"]


@dataclass(frozen=True)
class Verdict:
    """What was found about one file.

    `ok`: as imported, or byte for byte upstream's. `changed`: not what was imported. `missing`: imported, or
    needed by the benchmark, and not there. `unknown`: a file that Arena reads and that nothing vouches for.
    `edition` compares with upstream's own file: the same, another, or its hash is not known to us.
    """

    file: str
    status: Status
    edition: Edition
    note: str = ""


def verify(benchmark: str) -> list[Verdict]:
    """Re-hash the official data of a benchmark, a verdict for each file that it reads or should have.

    Raises `UnknownTask` for a benchmark without official data, `MissingData` where none were imported,
    `BadData` where the manifest is torn.
    """
    wanted = data_set(benchmark)
    folder = official_folder(benchmark)
    return sorted(_verdicts(wanted, folder), key=lambda verdict: verdict.file)


def _verdicts(wanted: DataSet, folder: Path) -> Iterator[Verdict]:
    kept = manifest.read(folder)
    files = [path for path in folder.rglob("*") if path.is_file()]
    present = {path.relative_to(folder).as_posix(): path for path in files}
    read = {name for name in present if wanted.file_of(name)}
    for name in kept.keys() | read:
        if name not in present:
            yield Verdict(name, "missing", "unlisted", "it was imported and is gone")
            continue
        digest = manifest.sha256(present[name])
        edition = _edition(wanted.hashes.get(name), digest)
        if name not in kept and edition != "upstream":
            yield Verdict(name, "unknown", edition, "it was not imported: nothing says what it should be")
        elif name in kept and kept[name].sha256 != digest:
            yield Verdict(name, "changed", edition, f"it is not what was imported from {kept[name].source}")
        else:
            yield Verdict(name, "ok", edition, "not upstream's own file" if edition == "other" else "")
    for file in wanted.files:
        if file.required and not any(map(file.covers, [*kept, *read])):
            yield Verdict(file.name, "missing", "unlisted", "the benchmark needs it")


def _edition(upstream: str | None, digest: str) -> Edition:
    if upstream is None:
        return "unlisted"
    return "upstream" if upstream == digest else "other"
