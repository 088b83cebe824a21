"""Bringing official data in, all or nothing: stage, check, let the benchmark's own reader try, swap.

The new folder is built beside the old one and takes its place by renaming, so that a failed, interrupted or
killed import leaves what was there. Files of earlier imports stay; a file that comes again replaces what it
was.
"""

import fcntl
import os
import pkgutil
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from envs import datasets, registry
from envs.datafile import MAX_FILE_BYTES
from envs.errors import BadData, EnvsError, MissingData, MissingPackage
from envs.official import manifest
from envs.official.catalogue import DataFile, DataSet, data_set
from envs.official.checks import check
from envs.official.manifest import Kept
from envs.official.sources import Entry, copy, entries

MAX_FOUND_BYTES = 4 * 2**30
_LOCK = ".import-lock"
_STAGE = ".import-"


@dataclass(frozen=True)
class Imported:
    """What an import did: the files that came in, and what the data set still lacks.

    `tasks` is how many official tasks can be played now; where none can, `problem` says why. `notes` are
    differences to the official set (other counts of records, other bytes than upstream's files) and what part
    of it can't be played.
    """

    benchmark: str
    folder: Path
    files: Mapping[str, Kept]
    absent: Sequence[str]
    notes: Sequence[str]
    tasks: int
    problem: str = ""


@dataclass(frozen=True)
class _Found:
    file: DataFile
    target: str
    origin: str
    rank: tuple[int, int]
    staged: Path


def import_data(benchmark: str, source: Path, on_file: Callable[[str], None] = lambda name: None) -> Imported:
    """Import the official data of a benchmark from a folder, an archive (.zip, .tar, .tar.gz) or a file.

    `on_file` hears the name of each file that is looked at. Raises `UnknownTask` for a benchmark without
    official data, `MissingData` where none of its files is found, `BadData` (naming file and line) where one
    is not what it should be, `EnvsError` where it can't be written; then nothing has changed.
    """
    wanted = data_set(benchmark)
    root, source = datasets.data_root().absolute(), source.absolute()
    try:
        with _only_import(root), _stage(root) as stage:
            return _import(wanted, source, root, stage, on_file)
    except OSError as error:
        raise EnvsError(
            f"the {benchmark} data can't be imported: {error}", "nothing has changed; mend that and try again"
        ) from error


def _import(
    wanted: DataSet, source: Path, root: Path, stage: Path, on_file: Callable[[str], None]
) -> Imported:
    folder = root / wanted.benchmark
    if folder.is_symlink():
        raise EnvsError(f"{folder} is a link", "import into a real folder: set ARENA_DATA to its parent")
    found = _find(wanted, source, stage, on_file)
    if not found:
        names = ", ".join(file.find[0] for file in wanted.files)
        raise MissingData(
            f"{source} holds none of the {wanted.benchmark} files ({names})",
            "docs/data.md says where to get them; pickles and hidden files are never read",
        )
    checked = [(each, _checked(each, on_file)) for each in found]
    found = [each for each, kept in checked if kept.records]
    if not found:
        raise BadData(f"{source} holds no {wanted.benchmark} records", "is it another benchmark's file?")
    kept = {each.target: kept for each, kept in checked if kept.records}
    new = stage / "data" / wanted.benchmark
    before = _build(new, folder, found)
    absent = [file.name for file in wanted.files if not any(map(file.covers, [*before, *kept]))]
    on_file("the benchmark's reader")
    tasks, problem, left_out = _read(wanted.benchmark, new, folder, found)
    manifest.write(new, {name: each for name, each in before.items() if each} | kept)
    _swap(new, folder)
    notes = [*_notes(wanted, kept), *left_out]
    return Imported(wanted.benchmark, folder, kept, absent, notes, tasks, problem)


def _find(wanted: DataSet, source: Path, stage: Path, on_file: Callable[[str], None]) -> list[_Found]:
    """Copy what may be files of the set into the stage, and return for each place what fits it best.

    Raises `BadData` where two files with other contents fit equally well.
    """
    best: dict[str, list[_Found]] = {}
    room = MAX_FOUND_BYTES
    for number, entry in enumerate(entries(source)):
        for place, file in enumerate(wanted.files):
            rank = file.rank(entry.path)
            target = _target(file, entry) if rank else ""
            rivals = best.get(target, [])
            if not rank or any(rival.rank < rank for rival in rivals):
                continue
            on_file(entry.path)
            staged = stage / f"{number}-{place}"
            copy(entry, staged, min(MAX_FILE_BYTES, room))
            room -= staged.stat().st_size
            equals = [rival for rival in rivals if rival.rank == rank]
            best[target] = [*equals, _Found(file, target, entry.origin, rank, staged)]
    return _chosen([best[target] for target in sorted(best)])


def _chosen(candidates: Sequence[Sequence[_Found]]) -> list[_Found]:
    for first, *others in candidates:
        for other in others:
            if manifest.sha256(first.staged) != manifest.sha256(other.staged):
                raise BadData(
                    f"both {first.origin} and {other.origin} could be {first.target}",
                    "import the one you mean",
                )
    found = [first for first, *_ in candidates]
    # a group that lies in its upstream folder does not take in what is called alike elsewhere
    ending = {each.file: min(mate.rank[0] for mate in found if mate.file is each.file) for each in found}
    return [each for each in found if not each.file.together or each.rank[0] == ending[each.file]]


def _target(file: DataFile, entry: Entry) -> str:
    target = file.target(entry.path)
    if not entry.path.isprintable() or len(target) > 200:
        raise BadData(f"{entry.path[:200]!r} is no name for a data file", "rename it")
    return target


def _checked(found: _Found, on_file: Callable[[str], None]) -> Kept:
    on_file(found.target)
    with _by_origin([(found.staged, found.origin)]):
        records = check(found.staged, found.file)
    return Kept(
        size=found.staged.stat().st_size,
        sha256=manifest.sha256(found.staged),
        records=records,
        source=found.origin,
        imported=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _build(new: Path, folder: Path, found: Sequence[_Found]) -> dict[str, Kept | None]:
    """Fill the new folder: what the old one holds (linked, not copied), and the found files.

    Returns the old files that stay, with their lines in the manifest.
    """
    groups = {each.file for each in found if each.file.together}
    known = manifest.read(folder)
    stay: dict[str, Kept | None] = {}
    new.mkdir(parents=True)
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name != manifest.NAME and not any(group.covers(name) for group in groups):
            _place(path, new / name)
            stay[name] = known.get(name)
    for each in found:
        stay.pop(each.target, None)
        (new / each.target).unlink(missing_ok=True)
        _place(each.staged, new / each.target)
    return stay


def _place(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(path.resolve(), target)  # the old folder goes away as soon as the new one is in place
    except OSError:
        shutil.copyfile(path, target)


def _read(benchmark: str, new: Path, folder: Path, found: Sequence[_Found]) -> tuple[int, str, Sequence[str]]:
    """Let the benchmark read the new folder.

    Returns how many tasks it gives, or why it can't be played yet, and why parts of it can't.
    """
    card = registry.benchmarks().get(benchmark)
    if card is None:
        return 0, "this Arena has no such benchmark", ()
    places = [*((new / each.target, each.origin) for each in found), (new, str(folder))]
    with datasets.reading_from(new.parent) as left_out, _by_origin(places):
        try:
            count = len(pkgutil.resolve_name(card.tasks)("official"))
        except (MissingData, MissingPackage) as lack:
            return 0, lack.message.replace(str(new), str(folder)), ()
    return count, "", [_named(each, places) for each in left_out]


@contextmanager
def _by_origin(places: Sequence[tuple[Path, str]]) -> Iterator[None]:
    """Have errors name files as the user knows them, not where they are staged."""
    try:
        yield
    except BadData as bad:
        raise BadData(_named(bad.message, places), bad.next_step or "nothing was imported") from None


def _named(message: str, places: Sequence[tuple[Path, str]]) -> str:
    for staged, origin in places:
        message = message.replace(str(staged), origin)
    return message


def _notes(wanted: DataSet, kept: Mapping[str, Kept]) -> list[str]:
    notes = []
    for file in wanted.files:
        mine = [each for name, each in kept.items() if file.covers(name)]
        count = len(mine) if file.together else sum(each.records for each in mine)
        if mine and file.records and count != file.records:
            what = "files" if file.together else "records"
            notes.append(f"{file.name}: {count} {what}, the official set has {file.records}")
    other = [name for name, each in kept.items() if wanted.hashes.get(name, each.sha256) != each.sha256]
    if other:
        notes.append(f"not the bytes of upstream's own: {', '.join(other)}")
    return notes


def _swap(new: Path, folder: Path) -> None:
    old = datasets.replaced_folder(folder)
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    try:
        new.rename(folder)
    except BaseException:
        with suppress(OSError):
            old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


@contextmanager
def _only_import(root: Path) -> Iterator[None]:
    root.mkdir(parents=True, exist_ok=True)
    with (root / _LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise EnvsError(f"another import into {root} is running", "wait for it to end") from None
        yield


@contextmanager
def _stage(root: Path) -> Iterator[Path]:
    for left in root.glob(f"{_STAGE}*/"):  # by an import that was killed; the lock says that none is running
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=_STAGE, dir=root) as stage:
        yield Path(stage)
