"""`arena debug`: why turns failed, and whose fault it was."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from arena.cli.options import Json, RunName
from arena.cli.starting import starting

if TYPE_CHECKING:
    from arena.debugging.listing import Group
    from arena.debugging.opened import OpenedTurn, Run
    from arena.filtering import Filter

EXAMPLES_OF_EACH, MOST_EXAMPLES = 3, 9
"""How many kinds of failure of a contestant have an example printed, and how many there are in all."""


def debug(
    run: RunName,
    filter_: Annotated[
        str,
        typer.Option(
            "--filter",
            metavar="TEXT",
            help="Which turns, as 'benchmark:pddl base:success outcome:failure'.",
        ),
    ] = "",
    contestant: Annotated[str | None, typer.Option(metavar="NAME", help="Only this contestant.")] = None,
    kind: Annotated[
        list[str] | None, typer.Option(metavar="KIND", help="Only this kind of failure; may be repeated.")
    ] = None,
    turn: Annotated[
        str | None, typer.Option(metavar="TASK#N", help="Open the N-th turn of a task (TASK#N@REPEAT).")
    ] = None,
    refused: Annotated[
        bool, typer.Option("--refused", help="With --json: actions without effect, too (kind refused).")
    ] = False,
    rerun: Annotated[
        bool, typer.Option("--rerun", help="With --turn: ask for the reply again; the run stays as it is.")
    ] = False,
    with_: Annotated[
        str | None, typer.Option("--with", metavar="SPEC", help="Whom --rerun asks (default: the same).")
    ] = None,
    prompt: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="For --rerun: messages (.json), or a text for the last one."),
    ] = None,
    times: Annotated[int, typer.Option(min=1, max=1000, help="How often --rerun asks.")] = 1,
    constrained: Annotated[
        bool, typer.Option("--constrained", help="--rerun decodes by the tools' schema.")
    ] = False,
    replay: Annotated[
        bool, typer.Option("--replay", help="Ask the models again to tell whose fault it is.")
    ] = False,
    other_engine: Annotated[
        str | None,
        typer.Option(metavar="SPEC", help="For --replay: the same model in another engine."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many turns for --replay.")] = 20,
    summary: Annotated[bool, typer.Option("--summary", help="Only the counts.")] = False,
    plain: Annotated[bool, typer.Option("--plain", help="Print text; off a terminal that is usual.")] = False,
    as_json: Json = False,
) -> None:
    """Show the failed turns of a run: counted beside the baseline's, with the most telling of each kind.

    A turn failed where its reply did, or where its action had no effect (refused). With --turn: one turn with
    its request, the parser's questions, what a repair gives, the baseline's same turn, and what came after.
    """
    from arena.cli.asking import chosen_turns, show_replayed, show_rerun
    from arena.debugging.opened import Run
    from arena.filtering import parse
    from arena.store.files import find_run

    _check_asked_together(turn, rerun=rerun, replay=replay, with_=with_, prompt=prompt, other=other_engine)
    kinds = [name for text in kind or () for name in text.split(",") if name]
    is_screen = not (plain or as_json or summary or replay or turn)
    if is_screen and _is_terminal():
        with starting():
            _on_screen(find_run(run), filter_, contestant, kinds)
        return
    with Run(find_run(run)) as opened_run:
        chosen = parse(filter_, opened_run.baseline)
        if contestant is not None:
            opened_run.check_contestant(contestant)
        if replay:
            turns = (
                [_find(opened_run, turn, contestant)]
                if turn is not None
                else chosen_turns(opened_run, chosen, contestant, kinds, limit)
            )
            show_replayed(opened_run, turns, other_engine, as_json=as_json)
        elif rerun and turn is not None:
            found = _find(opened_run, turn, contestant)
            show_rerun(opened_run, found, with_, prompt, times, constrained=constrained, as_json=as_json)
        elif turn is not None:
            _one_turn(opened_run, _find(opened_run, turn, contestant), as_json=as_json)
        elif summary:
            _summary(opened_run, chosen, contestant, kinds, as_json=as_json)
        elif as_json:
            _json_rows(opened_run, chosen, contestant, kinds, refused=refused)
        else:
            _plain(opened_run, chosen, contestant, kinds)


def _is_terminal() -> bool:
    import sys

    return sys.stdin.isatty() and sys.stdout.isatty()


def _on_screen(run: Path, filter_text: str, contestant: str | None, kinds: list[str]) -> None:
    from arena.debugging.listing import check_kinds
    from arena.debugging.opened import Run
    from arena.filtering import parse
    from tui.app import debug as debug_on_screen

    with Run(run) as opened_run:  # what is wrong with the arguments is said before a screen is drawn
        parse(filter_text, opened_run.baseline)
        check_kinds(kinds)
        if contestant is not None:
            opened_run.check_contestant(contestant)
            filter_text = f'contestant="{contestant}" {filter_text}'.strip()
    debug_on_screen(run, filter_text, kinds)


def _check_asked_together(
    turn: str | None,
    *,
    rerun: bool,
    replay: bool,
    with_: str | None,
    prompt: Path | None,
    other: str | None,
) -> None:
    from arena.errors import UsageError

    if rerun and turn is None:
        raise UsageError("--rerun asks for one turn again", 'say which: --turn "TASK#N"')
    if (with_ or prompt) and not rerun:
        raise UsageError("--with and --prompt say how to ask again", "add --rerun")
    if other and not replay:
        raise UsageError("--other-engine says whom else to ask", "add --replay")


def _json_rows(
    run: "Run", chosen: "Filter", contestant: str | None, kinds: list[str], *, refused: bool
) -> None:
    import sys

    from arena.debugging.document import FAILURES, rows
    from arena.debugging.listing import check_kinds
    from arena.literal import literal_json

    check_kinds(kinds)  # before anything is written: half a document is none
    wanted = kinds or ([] if refused else list(FAILURES))
    sys.stdout.write("[")
    separator = "\n"
    for row in rows(run, chosen, contestant, wanted):
        sys.stdout.write(separator + literal_json(row))
        separator = ",\n"
    sys.stdout.write("\n]\n")


def _summary(
    run: "Run", chosen: "Filter", contestant: str | None, kinds: list[str], *, as_json: bool
) -> None:
    from arena.cli.output import print_json
    from arena.debugging.document import summary

    if as_json:
        print_json(summary(run, chosen, contestant, kinds))
    else:
        _counts(run, chosen, contestant, kinds)


def _plain(run: "Run", chosen: "Filter", contestant: str | None, kinds: list[str]) -> None:
    from arena.cli.failures import print_example
    from arena.cli.output import out, say
    from arena.debugging.document import whose
    from arena.debugging.listing import examples_due
    from arena.debugging.telling import most_telling
    from arena.debugging.trial import try_repair

    shown = examples_due(_counts(run, chosen, contestant, kinds), EXAMPLES_OF_EACH)
    if not shown:
        return
    out().print()
    for name, kind in shown[:MOST_EXAMPLES]:
        opened = most_telling(run, name, kind, chosen)
        if opened is not None:
            print_example(opened, whose(run, opened), try_repair(run, opened))
    others = len({name for name, _ in shown} - {name for name, _ in shown[:MOST_EXAMPLES]})
    if others:
        say(f"--contestant NAME prints the examples of {others} more contestants")
    say(f'`arena debug {run.path.name} --turn "TASK#N" --contestant NAME` opens a turn; --json lists all')


def _counts(run: "Run", chosen: "Filter", contestant: str | None, kinds: list[str]) -> "list[Group]":
    """Print the counts; return those that are unlike the baseline's, the worst contestant's first."""
    from arena.cli.failures import print_faults, print_groups
    from arena.cli.output import out, say
    from arena.debugging.document import fault_counts
    from arena.debugging.listing import groups, worst_first
    from tui.literal import literal_line

    found = [
        group
        for group in groups(run.db, run.baseline, chosen, kinds)
        if contestant in (None, group.contestant)
    ]
    if not found:
        say("no turn failed" + (" among those that were asked for" if chosen.text or kinds else ""))
        return []
    ordered, alike = worst_first(found, run.baseline)
    print_groups(ordered, run.baseline)
    out().print()
    names = list(dict.fromkeys(group.contestant for group in ordered))
    print_faults(fault_counts(run, chosen, contestant, kinds), names)
    if alike:
        out().print()
        say(f"as often as the baseline in every way: {', '.join(map(literal_line, alike))}")
    return ordered


def _find(run: "Run", text: str, contestant: str | None) -> "OpenedTurn":
    """Return the turn that `TASK#N` or `TASK#N@REPEAT` means. Raises `UsageError`."""
    from arena.debugging.fault import kind_of
    from arena.debugging.listing import read_turn_name
    from arena.debugging.opened import open_turn
    from arena.errors import UsageError

    task, index, repeat = read_turn_name(text)
    if contestant is not None:
        return open_turn(run, run.episode(contestant, task, repeat), index)
    played = [each for name in run.contestants if (each := run.find_episode(name, task, repeat))]
    opened = [open_turn(run, each, index) for each in played if index < each.turns]
    failed = [each for each in opened if kind_of(each.turn) is not None]
    if not opened:
        longest = max((each.turns for each in played), default=0)
        hint = f"the longest episode of that task has {longest} turns"
        raise UsageError(
            f"the run has no turn {text}", hint if played else "`arena debug RUN` lists failed turns"
        )
    if len(failed) != 1:
        names = ", ".join(each.episode.key.contestant for each in failed or opened)
        raise UsageError(
            f"{len(failed)} contestants failed at {text}",
            f"choose one with --contestant: {names}" if names else "`arena debug RUN` lists failed turns",
        )
    return failed[0]


def _one_turn(run: "Run", opened: "OpenedTurn", *, as_json: bool) -> None:
    from arena.cli.failures import print_turn
    from arena.cli.output import print_json
    from arena.debugging.document import turn_document, whose
    from arena.debugging.opened import request_of
    from arena.debugging.trial import try_repair

    fault, trial = whose(run, opened), try_repair(run, opened)
    rebuilt = request_of(run, opened)
    if as_json:
        print_json(turn_document(opened, rebuilt, fault, trial))
    else:
        print_turn(opened, rebuilt, fault, trial)
