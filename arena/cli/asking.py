"""What `arena debug` asks models again: one turn (`--rerun`), or whose fault turns were (`--replay`)."""

from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.text import Text

from arena.cli.failures import print_steps
from arena.cli.output import out, print_json, say
from arena.debugging.document import FAILURES, row
from arena.debugging.listing import failed_turns
from arena.debugging.opened import OpenedTurn, Run, open_turn
from arena.debugging.replaying import Replayed, replayed
from arena.debugging.rerun import CONSTRAINED, Again, ask_again, asker
from arena.filtering import Filter
from tui.debugging.words import LINE_CHARS, judged
from tui.literal import literal_line


def chosen_turns(
    run: Run, chosen: Filter, contestant: str | None, kinds: Sequence[str], limit: int
) -> list[OpenedTurn]:
    """Return the first failed turns that a filter lets through, those of each contestant together."""
    found = failed_turns(run.db, chosen, contestant=contestant, kinds=kinds or FAILURES, limit=limit)
    names = list(run.contestants)
    opened = [open_turn(run, run.episode_of(each), each.turn) for each in found]
    return sorted(opened, key=lambda each: names.index(each.episode.key.contestant))


def show_rerun(
    run: Run,
    opened: OpenedTurn,
    spec: str | None,
    prompt: Path | None,
    times: int,
    *,
    constrained: bool,
    as_json: bool,
) -> None:
    """Ask for a turn's reply again and print each new reply, judged as the recorded one was."""
    who = asker(opened, spec, CONSTRAINED if constrained else "")
    answers = ask_again(run, opened, who, times=times, prompt=prompt)
    if as_json:
        print_json({"turn": opened.name, "with": who.spec, "replies": [_again_row(each) for each in answers]})
        return
    for number, answer in enumerate(answers, start=1):
        same = "the recorded reply, word for word" if answer.same else "another reply"
        out().print(
            Text(f"{literal_line(opened.name)}  {literal_line(who.spec)}  {number} of {times}: {same}")
        )
        out().print(Text(f"  reply     {literal_line(answer.opened.turn.reply, LINE_CHARS)}"), soft_wrap=True)
        print_steps(answer.opened)
        if answer.trial is not None:
            out().print(Text(f"  action    {judged(answer.trial)}"), soft_wrap=True)
    valid = sum(each.opened.turn.valid for each in answers)
    right = sum(each.trial is not None and each.trial.right is True for each in answers)
    say(f"{valid} of {times} took effect, {right} were right; the run is as it was")


def show_replayed(run: Run, turns: Sequence[OpenedTurn], other: str | None, *, as_json: bool) -> None:
    """Ask for the replies of failed turns again, and print whose fault each is."""
    found: list[Replayed] = []
    for _, of_contestant in groupby(turns, key=lambda each: each.episode.key.contestant):
        found += replayed(run, list(of_contestant), other)
    if as_json:
        print_json([_replayed_row(each) for each in found])
        return
    for each in found:
        fault = f"{each.fault.name}: {literal_line(each.fault.why)}" if each.fault else "nobody's fault"
        head = f"{literal_line(each.opened.name)}  {literal_line(each.opened.episode.key.contestant)}"
        out().print(Text(f"{head}  {fault}"), soft_wrap=True)
        for name, answer in (("again", each.again), ("other", each.other), ("forced", each.forced)):
            if answer is not None:
                same = " (the same)" if answer.same else ""
                said = literal_line(answer.opened.turn.reply, LINE_CHARS)
                out().print(Text(f"  {name:10}{said}{same}"), soft_wrap=True)
    for note in dict.fromkeys(note for each in found for note in each.notes):
        say(literal_line(note, LINE_CHARS))
    if not found:
        say("no turn failed among those that were asked for")


def _again_row(answer: Again) -> dict[str, Any]:
    turn = answer.opened.turn
    failure = turn.failure
    return {
        "reply": turn.reply,
        "same": answer.same,
        "finish_reason": turn.finish_reason,
        "action": turn.action,
        "kind": failure.kind.value if failure else None,
        "span": list(failure.span) if failure else None,
        "expected": failure.expected if failure else None,
        "got": failure.got if failure else None,
        "valid": turn.valid,
        "trial": asdict(answer.trial) if answer.trial else None,
        "fault": answer.fault.name if answer.fault else None,
        "steps": [{"name": step.name, "answer": step.answer, "said": step.said} for step in answer.steps],
    }


def _replayed_row(each: Replayed) -> dict[str, Any]:
    answers = {"again": each.again, "other": each.other, "forced": each.forced}
    return row(each.opened, each.fault, None) | {
        "replayed": {name: _again_row(answer) if answer else None for name, answer in answers.items()},
        "notes": list(each.notes),
    }
