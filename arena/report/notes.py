"""What a reader has to know about a report's numbers, in sentences."""

from collections.abc import Mapping

from arena.floors import FloorCheck
from arena.report.gathering import Gathered
from arena.report.provenance import fallbacks
from arena.verdict import can_not

PAPERS_SUITES = ("acbench", "acbench-lite")


def notes(gathered: Gathered, floors: Mapping[str, FloorCheck]) -> list[str]:
    """Return the sentences; none where there is nothing to say."""
    said = list(gathered.notes)
    if gathered.stopped:
        said.append(
            f"stopped early, decided: {gathered.stopped}; intervals and p-values hold at any time,"
            " and overall each task weighs the same"
        )
    if gathered.chosen:
        said.append(
            f"only episodes that match {gathered.chosen!r}: chosen by their outcome they prove nothing"
        )
    if gathered.chosen and gathered.episodes and not _has_played(gathered, gathered.baseline):
        said.append(
            f"the filter leaves out all of {gathered.baseline}, the baseline, so nothing is compared"
            " (a name after `:` is looked for within names, after `=` it is the whole name)"
        )
    said += [
        f"{benchmark}: {count} episodes of an older grading are left out; `arena regrade RUN` rescores them"
        for benchmark, count in gathered.left_out.items()
    ]
    said += [
        f"{benchmark}: official data are not imported, {count} bundled tasks were played;"
        " not comparable with the paper (`arena data list`)"
        for benchmark, count in fallbacks(gathered).items()
    ]
    said += [
        f"{benchmark}: no floor is known, so it is not checked that the base can do it; add `-a random`"
        for benchmark, check in floors.items()
        if check.cleared is None and _can_be_played(gathered, benchmark)
    ]
    failed = [benchmark for benchmark, check in floors.items() if check.cleared is False]
    if failed and len(failed) < len(floors):
        above = any(floors[benchmark].progress > (floors[benchmark].floor or 0) for benchmark in failed)
        said.append(f"overall leaves out {', '.join(failed)}: {can_not(is_above_floor=above)} it")
    if gathered.unplayed and not gathered.stopped:
        said.append(
            f"{gathered.unplayed} episodes are not played yet: who looks in between, until something"
            " shows, will find it"
        )
    if any(plan["plan"].get("suite") in PAPERS_SUITES for plan in gathered.plans):
        said.append(
            "the paper's own values do not stand beside these: its tables are pictures, Arena has none"
        )
    owed = sum(gathered.errors.values())
    if owed:
        said.append(f"{owed} episodes ended in an error and are owed: they are in no mean but `with errors`")
    return said


def _has_played(gathered: Gathered, contestant: str) -> bool:
    return any(each.contestant == contestant for each in gathered.episodes)


def _can_be_played(gathered: Gathered, benchmark: str) -> bool:
    """Tell whether `random` could play a benchmark here: logs of other harnesses can't be played."""
    return any(
        facts.source in ("bundled", "official")
        for facts in gathered.tasks.values()
        if facts.task.partition("/")[0] == benchmark
    )
