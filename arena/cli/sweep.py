"""`arena sweep`: one axis at a time, to where the drop begins."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from arena.cli.options import Contestants, Jobs, Json, Limit, Quiet

if TYPE_CHECKING:
    from arena.cli.playing import How
    from arena.plan import Plan
    from arena.sweep.axes import Point, Sweep

TURNS = "turns"
MOST_NAMED = 8
DIRECTIONS = {"more": "up to", "fewer": "down to"}
_OF_TURNS = {"progress": "gain", "valid_call_rate": "valid_call_rate"}


def sweep(
    axis: Annotated[
        str,
        typer.Argument(
            metavar="AXIS",
            help="bits, group-size, sparsity, calibration, kv-cache, tools, context, result-size; turns.",
        ),
    ],
    values: Annotated[
        list[str] | None, typer.Argument(metavar="[VALUE…]", help="8 4 3 2, or 2..8 for all whole numbers.")
    ] = None,
    agent: Contestants = None,
    suite: Annotated[
        str | None, typer.Option(help="A suite's name, or a TOML file (default: small; for tools: tools).")
    ] = None,
    limit: Limit = None,
    measure: Annotated[
        str | None,
        typer.Option(
            help="What shall hold: progress (default), success or valid_call_rate (default of turns)."
        ),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(metavar="RECIPE", help="Whose number is changed, e.g. gptq-w4g128, wanda-50."),
    ] = None,
    bisect: Annotated[
        bool, typer.Option("--bisect", help="Play only what is needed to find where the drop begins.")
    ] = False,
    run: Annotated[
        str | None, typer.Option(metavar="RUN", help="For `turns`: a recorded run; nothing is played.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write sweep.json and a figure there.")
    ] = None,
    jobs: Jobs = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Play one value after the other and say up to which one the agent holds.

    Bits, group size, sparsity and calibration compress the model of -a and compare with it. Tools, context
    and result-size make the same requests harder, kv-cache rounds the cache: one -a is compared with itself
    at the easiest value, several with the first of them at each value. Each value is a run of its own: the
    same command goes on where it was.
    """
    from arena.comparing import MEASURES
    from arena.errors import ArenaError, UsageError

    measure = measure or ("valid_call_rate" if axis == TURNS else "progress")
    if measure not in MEASURES:
        raise UsageError(f"{measure!r} is not measured", f"measures: {', '.join(MEASURES)}")
    if axis == TURNS:
        if run is None or values or agent:
            raise UsageError("turns are read off a recorded run", "say `arena sweep turns --run RUN`")
        _show(_turns_document(run, measure), out, as_json=as_json)
        return
    if run is not None:
        raise UsageError(f"a sweep of {axis} plays; --run is for turns", "leave it out")
    # before torch is imported: threads that spin while they wait take ten times as long on a busy machine
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from arena.cli.playing import How
    from arena.sweep.axes import axis_called, line_up_sweep, read_values

    wanted = axis_called(axis)
    planned = line_up_sweep(wanted, read_values(wanted, values or []), agent or [], recipe)
    played = _Played(planned, suite or wanted.suite, limit, measure, How(jobs=jobs, quiet=quiet))
    played.play(bisect=bisect)
    if not played.runs:
        raise ArenaError("nothing could be played", "the errors above say why")
    document = played.document()
    _show(document, out, as_json=as_json)
    if played.owed:
        raise typer.Exit(1)


class _Played:
    """The points of a sweep that have been played so far, and where."""

    def __init__(self, sweep: "Sweep", suite: str, limit: int | None, measure: str, how: "How") -> None:
        self.runs: dict[Point, Path] = {}
        self.owed = 0
        self._sweep, self._suite, self._limit = sweep, suite, limit
        self._measure, self._how = measure, how

    def play(self, *, bisect: bool) -> None:
        """Play the points in order until one can't be played."""
        from arena.sweep.searching import bisecting, every

        points = self._sweep.points
        if self._sweep.reference and not self._play(self._sweep.reference):
            return
        places = bisecting(len(points), self._drops) if bisect else every(len(points))
        for place in places:
            if not self._play(points[place]):
                return

    def document(self) -> dict[str, Any]:
        """Return the document of what was played."""
        from arena.sweep.document import sweep_document
        from arena.sweep.judging import judge

        axis = self._sweep.axis
        unplayed = [axis.label(point.value or 0) for point in self._sweep.points if point not in self.runs]
        lines = judge(self._sweep, self.runs, self._measure)
        return sweep_document(axis.name, axis.about, self._measure, DIRECTIONS[axis.harder], lines, unplayed)

    def _play(self, point: "Point") -> bool:
        """Play a point, or what is owed of it; False where the sweep had better end there."""
        from arena.cli.output import say
        from arena.cli.playing import play, say_how_it_went
        from arena.store.files import runs_folder

        label = "uncompressed" if point.value is None else self._sweep.axis.label(point.value)
        plan, engines = self._line_up(point)
        run = runs_folder() / plan.id
        say(f"{label}: run {run.name}")
        tally = play(plan, run, engines, self._how)
        self.owed += tally.owed
        say_how_it_went(tally, "the same command goes on from here")
        if tally.done:
            self.runs[point] = run
        return bool(tally.done) and tally.stopped is None

    def _line_up(self, point: "Point") -> "tuple[Plan, Mapping[str, Any]]":
        from arena.cli.compression import CompressionProgress
        from arena.lineup import line_up
        from arena.plan import check_playable
        from arena.suite import load_suite
        from arena.sweep.suited import check_tasks

        with CompressionProgress(quiet=self._how.quiet) as compression:
            plan, engines = line_up(
                load_suite(self._suite), point.typed, self._limit, on_compress=compression.listen
            )
        check_playable(plan)
        if not self.runs:
            check_tasks(self._sweep, plan.tasks)
        return plan, engines

    def _drops(self, place: int) -> bool:
        """Tell whether a point that was played has a proven drop."""
        from arena.sweep.judging import judge

        value = self._sweep.points[place].value
        return any(
            each.value == value and each.verdict is not None and each.verdict.kind == "worse"
            for line in judge(self._sweep, self.runs, self._measure)
            for each in line.judged
        )


def _turns_document(run: str, measure: str) -> dict[str, Any]:
    from arena.errors import UsageError
    from arena.store.files import find_run
    from arena.sweep.depth import judge_turns
    from arena.sweep.document import sweep_document

    if measure not in _OF_TURNS:
        raise UsageError(f"a turn has no {measure}", "measures of turns: progress, valid_call_rate")
    lines = judge_turns(find_run(run), _OF_TURNS[measure])
    about = "how far into its episode a turn is"
    return sweep_document(TURNS, about, _OF_TURNS[measure], DIRECTIONS["more"], lines)


def _show(document: Mapping[str, Any], out: Path | None, *, as_json: bool) -> None:
    from arena.cli.output import out as console
    from arena.cli.output import print_json, print_table, say
    from arena.literal import literal
    from arena.sweep.document import table_columns, table_rows

    if out is not None:
        _write(document, out)
    if as_json:
        print_json(document)
        return
    for line in document["lines"]:
        print_table(table_columns(document), table_rows(document, line))
        console().print()
        console().print(literal(line["cliff"]["text"]), markup=False, soft_wrap=True)
    if unplayed := document["unplayed"]:
        some = ", ".join(unplayed) if len(unplayed) <= MOST_NAMED else f"{len(unplayed)} values"
        say(f"not needed, or not playable: {some}")


def _write(document: Mapping[str, Any], out: Path) -> None:
    from importlib.util import find_spec

    from arena.cli.output import say
    from arena.errors import writing

    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
        (out / "sweep.json").write_text(json.dumps(document, indent=1, ensure_ascii=False), encoding="utf-8")
        if find_spec("matplotlib") is None:
            say("no figure: matplotlib is not installed (pip install 'arena[plots]')")
            return
        from analysis.figures import save
        from arena.sweep.figure import sweep_figure

        save(sweep_figure(document), out / "sweep.png")
    say(f"{out / 'sweep.json'} has the numbers, {out / 'sweep.png'} the figure")
