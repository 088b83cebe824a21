"""What official data each benchmark reads: `catalogue.toml` and `hashes.toml`, as objects."""

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from typing import Literal

from envs.errors import UnknownTask

Form = Literal["lines", "array", "object", "text", "pddl", "story", "workbook", "table"]
"""What a file holds: JSON records (one a line, in an array, or in an object by id), plain text, a PDDL
problem, a Z-machine story, an .xlsx workbook, or CSV rows."""


_WILD = frozenset("*?[")


@dataclass(frozen=True, eq=False)
class DataFile:
    """One file of a data set, or with a pattern for its name a group of files.

    `find` are the path endings that it may have where it comes from, best first. `fields` are the record
    fields that must be there, `a.b` being b in a, with the names of their types. `only` picks the records of
    a file that holds several kinds: a field and the value that it must have. `records` is how many the
    official file has, where upstream says so. The files of a `together` group come and go together, since one
    more of them would change what the others' numbers mean; `records` then counts files.
    """

    name: str
    find: tuple[str, ...]
    form: Form
    fields: Mapping[str, str] = field(default_factory=dict)
    only: tuple[str, str] | None = None
    records: int | None = None
    required: bool = False
    together: bool = False

    def rank(self, path: str) -> tuple[int, int] | None:
        """Tell how well a `/`-separated path fits this file: the lower the better, None where it doesn't."""
        parts = path.split("/")
        for index, ending in enumerate(self.find):
            wanted = ending.split("/")
            tail = parts[-len(wanted) :]
            if len(tail) == len(wanted) and all(map(fnmatchcase, tail, wanted)):
                return index, len(parts)
        return None

    def target(self, path: str) -> str:
        """Return where, in the data set's folder, the file that came as `path` belongs."""
        folder, slash, name = self.name.rpartition("/")
        return folder + slash + (path.rpartition("/")[2] if _WILD & set(name) else name)

    def covers(self, target: str) -> bool:
        """Tell whether a file of the data set's folder is this file, or one of this group."""
        return target.count("/") == self.name.count("/") and fnmatchcase(target, self.name)


@dataclass(frozen=True)
class DataSet:
    """The official data of one benchmark. `tasks` is how many tasks they make, where upstream says so."""

    benchmark: str
    title: str
    get: str
    licence: str
    files: tuple[DataFile, ...]
    tasks: int | None = None
    hashes: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of upstream's own files, by their place in the folder, for those that we have seen."""

    def file_of(self, target: str) -> DataFile | None:
        """Return the entry that a file of the folder belongs to; None for files that Arena doesn't read."""
        return next((each for each in self.files if each.covers(target)), None)


@cache
def data_sets() -> Mapping[str, DataSet]:
    """Return all official data sets by benchmark."""
    hashes = _table("hashes.toml")
    return {
        name: DataSet(
            benchmark=name,
            title=table["title"],
            get=table["get"],
            licence=table["licence"],
            tasks=table.get("tasks"),
            files=tuple(file for entry in table["files"] for file in _files(entry)),
            hashes=hashes.get(name, {}),
        )
        for name, table in _table("catalogue.toml").items()
    }


def data_set(benchmark: str) -> DataSet:
    """Return the official data set of a benchmark. Raises `UnknownTask` with the nearest names."""
    known = data_sets()
    if benchmark not in known:
        near = difflib.get_close_matches(benchmark, known, n=3, cutoff=0.4)
        raise UnknownTask(
            f"no official data are known for {benchmark!r}",
            f"did you mean {', '.join(near)}?" if near else "`arena data list` lists them all",
        )
    return known[benchmark]


def _table(name: str) -> dict:
    return tomllib.loads(files("envs.official").joinpath(name).read_text(encoding="utf-8"))


def _files(entry: dict) -> list[DataFile]:
    """Return the files that an entry describes: one, or one for every name in its `each`."""
    return [
        _file({key: value for key, value in entry.items() if key != "each"}, each)
        for each in entry.get("each", [""])
    ]


def _file(entry: dict, each: str) -> DataFile:
    only = entry.get("only")
    return DataFile(
        **entry
        | {
            "name": entry["name"].replace("{}", each),
            "find": tuple(ending.replace("{}", each) for ending in entry["find"]),
            "only": (only[0], only[1].replace("{}", each)) if only else None,
        }
    )
