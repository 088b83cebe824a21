"""How failed turns are printed: counts as tables, turns with the failing part of the reply marked.

Everything that comes from a run is drawn literally (`tui.literal`): it can't style or move anything.
"""

from collections.abc import Sequence

from rich.text import Text

from arena.cli.output import out, print_table
from arena.debugging.document import FaultCount
from arena.debugging.fault import FAULTS, Fault, faults, kind_of
from arena.debugging.listing import Group
from arena.debugging.marking import marked
from arena.debugging.opened import OpenedTurn
from arena.debugging.requests import Rebuilt
from arena.debugging.trial import Trial
from arena.records import Turn
from tui.debugging.words import LINE_CHARS, judged, recovery, said
from tui.literal import clipped, literal, literal_line

OPENING, CLOSING = "⟦", "⟧"
"""Around the part of a reply that failed, for eyes that see no colours."""
LABEL_CHARS = 10
NEXT_TURNS = 5
MOST_LINES = 12
"""How many lines of a reply stand in an example."""


def print_groups(groups: Sequence[Group], baseline: str) -> None:
    """Print the failed turns by contestant, benchmark and kind, the baseline's on the same tasks beside."""
    rows = []
    for group in groups:
        is_baseline = group.contestant == baseline
        rows.append(
            (
                literal_line(group.contestant),
                literal_line(group.benchmark),
                group.kind,
                str(group.count),
                _per_hundred(group.count, group.turns),
                str(group.episodes),
                "" if is_baseline else str(group.baseline_count),
                "" if is_baseline else _per_hundred(group.baseline_count, group.baseline_turns),
            )
        )
    columns = ("contestant", "benchmark", "failure", ">turns", ">per 100", ">episodes")
    print_table((*columns, ">baseline's on the same tasks", ">per 100"), rows)


def print_faults(counts: Sequence[FaultCount], contestants: Sequence[str]) -> None:
    """Print whose faults the failed turns of these contestants are, and once what each fault is."""
    found = [each for each in counts if each.contestant in contestants]
    names = [name for name in FAULTS if any(each.fault == name for each in found)]
    by_place = {(each.contestant, each.fault): f"{each.count}{_beside(each)}" for each in found}
    rows = [
        (literal_line(contestant), *(by_place.get((contestant, name), "0") for name in names))
        for contestant in contestants
    ]
    print_table(("whose fault (+ more, - fewer than the baseline's)", *(f">{name}" for name in names)), rows)
    out().print()
    for name in names:
        _print(name, Text(f"{faults()[name]['means']}. Mend: {faults()[name]['mend']}"))


def _beside(count: FaultCount) -> str:
    """Return how many more there are than the baseline's, on the tasks of both; empty where as many."""
    more = count.paired - count.baseline
    return f" {more:+}" if more else ""


def print_example(opened: OpenedTurn, fault: Fault | None, trial: Trial | None) -> None:
    """Print a failed turn in a few lines: its reply, what was wrong, what a repair gives, the baseline's."""
    _print_head(opened, fault)
    _print("reply", _reply(opened.turn), MOST_LINES)
    _print_no(opened)
    if opened.turn.failure is None:
        _print("outcome", Text(literal_line(opened.turn.outcome, LINE_CHARS)))
    _print_repair(opened, trial)
    _print_baseline(opened)
    _print("after", Text(recovery(opened)))
    out().print()


def print_turn(opened: OpenedTurn, rebuilt: Rebuilt, fault: Fault | None, trial: Trial | None) -> None:
    """Print all that is known of a turn."""
    _print_head(opened, fault)
    _print_request(rebuilt)
    _print("reply", _reply(opened.turn))
    print_steps(opened)
    _print_repair(opened, trial)
    if fault is not None:
        _print("fault", Text(f"{fault.name}: {faults()[fault.name]['means']}; {literal_line(fault.why)}"))
        _print("", Text(str(faults()[fault.name]["mend"])))
    _print("outcome", _clipped(opened.turn.outcome))
    _print_baseline(opened)
    _print("after", Text(recovery(opened)))
    for turn in opened.after[:NEXT_TURNS]:
        mark = kind_of(turn) or "ok"
        _print("", Text(f"{turn.index + 1:>3} {mark}: {literal_line(said(turn), LINE_CHARS)}"))


def print_steps(opened: OpenedTurn) -> None:
    """Print the protocol's questions of a reply, one a line."""
    for number, step in enumerate(opened.steps):
        said = f"  {literal_line(step.said, LINE_CHARS)}" if step.said else ""
        style = {"yes": "green", "no": "bold red", "not asked": "dim"}[step.answer]
        line = Text.assemble(f"{step.question:30} ", (step.answer, style), said)
        _print("" if number else "verdict", line)


def _print_head(opened: OpenedTurn, fault: Fault | None) -> None:
    said = [literal_line(opened.name), literal_line(opened.episode.key.contestant)]
    said += [kind_of(opened.turn) or "no failure"]
    said += [f"fault: {fault.name}"] if fault else []
    out().print(Text("  ".join(said), style="bold"))


def _print_request(rebuilt: Rebuilt) -> None:
    if rebuilt.request is None:
        _print("request", Text(f"can't be built again: {literal_line(rebuilt.problem, LINE_CHARS)}"))
        return
    exact = "as sent" if rebuilt.exact else f"NOT as sent: {rebuilt.problem}"
    _print("request", Text(exact, style="" if rebuilt.exact else "bold"))
    for message in rebuilt.request.messages:
        _print("", Text.assemble((f"{message.role}: ", "dim"), _clipped(message.content)))


def _print_no(opened: OpenedTurn) -> None:
    for step in opened.steps:
        if step.answer == "no":
            _print("verdict", Text(f"{step.question} No: {literal_line(step.said, LINE_CHARS)}"))


def _print_repair(opened: OpenedTurn, trial: Trial | None) -> None:
    failure = opened.turn.failure
    if failure is None:
        return
    if failure.repair is None:
        _print("repair", Text("none gives a call that the tools allow"))
        return
    _print("repair", Text(literal_line(failure.repair, LINE_CHARS)))
    if trial is not None:
        _print("", Text(judged(trial)))


def _print_baseline(opened: OpenedTurn) -> None:
    beside = opened.baseline
    if beside is None:
        return
    same = "after the same history" if beside.same_history else "after another history"
    if beside.turn is None:
        _print("baseline", Text("had solved it" if beside.episode.success else "was over by then"))
    else:
        mark = kind_of(beside.turn) or "took effect"
        _print("baseline", Text(f"{literal_line(said(beside.turn), LINE_CHARS)} ({mark}, {same})"))


def _reply(turn: Turn) -> Text:
    if turn.failure is None:
        return _clipped(turn.reply)
    parts = marked(turn.reply, turn.failure.span)
    front, inside, behind = (f"[{count} characters] " if count else "" for count in parts.left_out)
    return Text.assemble(
        front,
        literal(parts.before),
        OPENING,
        (literal(parts.inside), "bold red"),
        f" {inside}" if inside else "",
        CLOSING,
        literal(parts.behind),
        f" {behind}" if behind else "",
    )


def _clipped(text: str) -> Text:
    head, left_out, tail = clipped(text, 4_000)
    return Text(literal(head) + (f" [{left_out} characters] {literal(tail)}" if left_out else ""))


def _print(label: str, text: Text, most_lines: int | None = None) -> None:
    """Print text behind its label; of more than `most_lines` lines, the first ones and the last."""
    lines = list(text.split("\n", allow_blank=True)) or [Text("")]
    if most_lines is not None and len(lines) > most_lines:
        left_out = Text(f"[{len(lines) - most_lines + 1} lines]", style="dim")
        lines = [*lines[: most_lines - 2], left_out, lines[-1]]
    for number, line in enumerate(lines):
        shown = "" if number else label
        out().print(Text.assemble(f"  {shown:{LABEL_CHARS}}", line), soft_wrap=True)


def _per_hundred(count: int, turns: int) -> str:
    return f"{100 * count / turns:.1f}" if turns else "-"
