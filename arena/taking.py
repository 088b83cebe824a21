"""Episodes that other runs have finished, taken into a run that plans the same ones."""

from collections.abc import Sequence
from pathlib import Path

from arena.errors import UsageError
from arena.plan import Plan, begin_run, read_plan
from arena.records import Notice
from arena.store.copying import THE_RUN, copy_record
from arena.store.files import OTHER_OUT, writer_lock, written
from arena.store.reader import RunReader
from arena.store.writer import RunWriter
from arena.words import counted


def take(sources: Sequence[Path], plan: Plan, run: Path) -> list[int]:
    """Copy into `run` what it plans and other runs have finished; return how many episodes came from each.

    The run is begun where it isn't yet. An episode is the planned one where the task, the seed and the repeat
    are the same, and its contestant has the same name and the same hash: the weights, recipe, template and
    settings that it is now. What the run has finished itself stays. The sources stay as they are.

    Raises `UsageError` where a source was played with other settings of its suite, `StoreError` where a
    source can't be read, or `run` was begun with another plan or can't be written.
    """
    planned = plan.content()
    known = dict(map(tuple, planned["contestants"]))
    theirs = []
    for source in sources:
        recorded = read_plan(source)["plan"]
        if recorded.get("settings") != planned["settings"]:
            raise UsageError(
                f"{source} was played with other settings than suite {plan.suite.name} has",
                "its episodes would be no comparison: leave out --take",
            )
        if source.resolve() == run.resolve():
            raise UsageError(f"{source} can't be taken into itself", "leave out --take: the run goes on")
        theirs.append({name for name, found in recorded["contestants"] if known.get(name) == found})
    counts = []
    wanted = {key.unique for key in plan.episodes()}
    with written(run, OTHER_OUT), writer_lock(run):
        begin_run(plan, run)
        for source, names in zip(sources, theirs, strict=True):
            counts.append(_take(source, run, names, wanted))
    return counts


def _take(source: Path, run: Path, names: set[str], wanted: set[tuple[str, str, int, int]]) -> int:
    """Copy the wanted episodes that a source has finished with these contestants, and the run has not."""
    reader, writer = RunReader(source), RunWriter(run)
    try:
        missing = wanted - writer.done()
        heads = reader.episodes(superseded=True)
        taken = {
            head.id
            for head in heads
            if head.status == "done" and head.key.contestant in names and head.key.unique in missing
        }
        if taken:
            copy_record(source, run, [THE_RUN, *(head.id for head in heads if head.id not in taken)])
            writer.note(Notice(f"{counted(len(taken), 'episode')} taken from {source.name}"))
        return len(taken)
    finally:
        reader.close()
        writer.close()
