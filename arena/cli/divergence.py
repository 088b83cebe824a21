"""`arena divergence`: the token at which a compressed agent left its base."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from arena.cli.options import Json, RunName

if TYPE_CHECKING:
    from collections.abc import Iterable

    from arena.divergence import RunTally, TurnDivergence
    from arena.filtering import Filter


def divergence(
    run: RunName,
    contestant: Annotated[
        str | None, typer.Option(metavar="NAME", help="Whose turn (default: any but the baseline's).")
    ] = None,
    task: Annotated[str | None, typer.Option(metavar="TASK", help="A part of the task's id.")] = None,
    turn: Annotated[int | None, typer.Option(min=1, help="Which turn, from 1.")] = None,
    filter_text: Annotated[
        str, typer.Option("--filter", metavar="FILTER", help="Such as 'fail:not_json base:success'.")
    ] = "",
    all_turns: Annotated[
        bool, typer.Option("--all", help="Add up every turn: in which parts of the replies they part.")
    ] = False,
    causes: Annotated[
        int, typer.Option(min=0, help="With --all: look for the cause in so many failed turns of each.")
    ] = 20,
    top_k: Annotated[int, typer.Option("--top-k", "-k", min=1, help="Tell the best K tokens of both.")] = 5,
    control: Annotated[
        str | None,
        typer.Option(metavar="SPEC", help="The baseline in another engine or device: what noise is there?"),
    ] = None,
    as_json: Json = False,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write all numbers there, as JSON.")
    ] = None,
) -> None:
    """Show one turn of a compressed contestant token by token beside its base, and which token is to blame.

    Without --task and --turn it is the most telling one: both read the same prompt, and only the base's reply
    took effect. The model weights of both must be in this process (model folders, hf:PATH_OR_ID).
    """
    # before torch is imported: threads that spin while they wait take ten times as long on a busy machine
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from arena.divergence import comparable, most_telling
    from arena.errors import UsageError
    from arena.plan import contestant_names
    from arena.store.files import find_run

    path = find_run(run)
    baseline = contestant_names(path)[0]
    whose = comparable(path, contestant)
    chosen = _chosen(baseline, filter_text, task, turn)
    if all_turns:
        if chosen.text:
            raise UsageError("--all adds up every turn", "leave out --task, --turn and --filter")
        documents = _all(path, whose, top_k, control, causes, quiet=as_json)
    else:
        documents = [_one(path, most_telling(path, baseline, whose, chosen), top_k, control, quiet=as_json)]
    _hand_over(documents if all_turns else documents[0], as_json=as_json, out=out)


def _chosen(baseline: str, filter_text: str, task: str | None, turn: int | None) -> "Filter":
    from arena.errors import UsageError
    from arena.filtering import parse

    if task and '"' in task:
        raise UsageError(f"there is no task {task!r}", "`arena tasks` lists them")
    terms = [filter_text, f'task:"{task}"' if task else "", f"turn:{turn}" if turn else ""]
    return parse(" ".join(filter(None, terms)), baseline)


def _one(path: Path, telling: Any, top_k: int, control: str | None, *, quiet: bool) -> dict[str, Any]:
    from arena.cli.output import doing, err, say
    from arena.divergence import diverge_turn, open_pair
    from arena.divergence.tables import turn_document

    with err().status(doing(f"load {telling.key.contestant} and its base")) as status:
        pair = open_pair(path, telling.key.contestant, control)
        status.update("read the turn, and let the base go on")
        found = diverge_turn(pair, telling.key, telling.turn, top_k)
    if not telling.same_prompt:
        say("note: the base never read this prompt: the episodes had parted before")
    if found.rewritten:
        say("note: the reply's text gives other tokens than the model wrote; those of the text are read")
    if found.cut_tokens:
        say(f"note: the first {found.cut_tokens} tokens of the prompt did not fit in the model's context")
    if not quiet:
        _print_turn(found, top_k)
    return turn_document(found)


def _all(
    path: Path, whose: list[str], top_k: int, control: str | None, causes: int, *, quiet: bool
) -> list[dict[str, Any]]:
    from arena.analyzing.trajectories import Account
    from arena.cli.output import doing, err, say
    from arena.divergence import diverge_run, first_failures, open_pair, tally
    from arena.divergence.tables import tally_document

    documents = []
    for name in whose:
        account = Account()
        with err().status(doing(f"load {name} and its base")) as status:
            pair = open_pair(path, name, control)
            status.update(doing(f"read the turns of {name}"))
            turns = diverge_run(pair, account, top_k, first_failures(causes))
            found = tally(name, pair.baseline, turns)
        if account.unlike:
            say(f"note: {account.unlike} turns were left out: their prompts could not be built again")
        if not quiet:
            _print_tally(found)
        documents.append(tally_document(found))
    return documents


def _print_turn(found: "TurnDivergence", top_k: int) -> None:
    from arena.cli.output import print_table
    from arena.divergence import tables

    _print_lines([*tables.heading(found), ""])
    print_table(tables.TOKEN_COLUMNS, tables.token_rows(found))
    _print_lines([tables.LEGEND, "", *tables.verdict(found)])
    shown = found.marked or found.first
    if shown:
        _print_lines(["", f"the best tokens at {shown.place}", tables.measures(shown, top_k)])
        print_table(tables.BEST_COLUMNS, tables.best_rows(shown))


def _print_tally(found: "RunTally") -> None:
    from arena.cli.output import print_table
    from arena.divergence import tables

    _print_lines([tables.summary(found)])
    print_table(tables.PART_COLUMNS, tables.part_rows(found))
    _print_lines([""])


def _hand_over(document: Any, *, as_json: bool, out: Path | None) -> None:
    import json

    from arena.cli.output import print_json, say
    from arena.errors import writing

    if as_json:
        print_json(document)
    if out:
        with writing(out):
            out.write_text(json.dumps(document, ensure_ascii=False, indent=1), encoding="utf-8")
        say(f"written to {out}")


def _print_lines(lines: "Iterable[str]") -> None:
    from rich.text import Text

    from arena.cli.output import out
    from arena.literal import literal

    for line in lines:
        out().print(Text(literal(line)), soft_wrap=not out().is_terminal)
