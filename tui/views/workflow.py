"""WorfBench: the workflow of the reply and the gold one as graphs, with what matches marked."""

from collections.abc import Mapping, Sequence

from textual.content import Content

from arena.records import Turn
from envs import embedding
from envs.base import Task
from envs.errors import MissingPackage
from envs.workflow.graph import END, START, Scoring, Workflow, parse
from envs.workflow.matching import match
from envs.workflow.scoring import MATCH_THRESHOLD
from tui.literal import literal_line
from tui.views.rails import rails
from tui.views.view import DONE, GOOD, QUIET, Room, View, fitted, halved, heading, marked, view
from tui.wrap import wrap

MAX_NODES, MAX_EDGES = 60, 240
"""A reply may claim any number of nodes; more than these are not drawn."""


def view_of(task: Task, first_observation: str, turns: Sequence[Turn], upto: int, room: Room) -> View:
    """Draw the workflow of the last reply of `upto` beside the gold one."""
    gold = parse(str(task.data["gold"]))
    turn = turns[upto - 1] if upto else None
    scoring: Scoring = "faithful" if _chosen(turn, task, "scoring") == "faithful" else "strict"
    reply = parse(turn.action or turn.reply, scoring) if turn else None
    matched = _matched(reply, gold, _chosen(turn, task, "encoder") or None) if reply and gold else {}
    half = halved(room)
    ours: list[Content] = []
    if reply:
        ours = _graph("reply", reply, matched, half)
    elif turn:
        ours = [heading("reply"), *marked("✗", "this is no workflow", half.width, "$text-error")]
    partners = {theirs: own for own, theirs in matched.items()}
    theirs = _graph("gold", gold, partners if reply else None, half) if gold else []
    return view("workflow", fitted(ours, theirs, room), room)


def _chosen(turn: Turn | None, task: Task, what: str) -> str:
    grading = turn.scores.get("grading") if turn else None
    recorded = grading.get(what) if isinstance(grading, Mapping) else None
    return str(recorded or task.grading.get(what, ""))


def _matched(reply: Workflow, gold: Workflow, encoder: str | None) -> Mapping[int, int]:
    """Return reply node -> gold node; START and END are left out, where nothing compares them: nothing."""
    own = [i for i, text in enumerate(reply.nodes[:MAX_NODES]) if text not in (START, END)]
    theirs = [i for i, text in enumerate(gold.nodes[:MAX_NODES]) if text not in (START, END)]
    if not own or not theirs:
        return {}
    try:
        compare = embedding.encoder(encoder if encoder in embedding.NAMES else None)
        cosines = compare.cosines([reply.nodes[i] for i in own], [gold.nodes[i] for i in theirs])
    except MissingPackage:
        return {}
    pairs, _ = match(cosines, MATCH_THRESHOLD)
    return {own[row]: theirs[column] for row, column in enumerate(pairs) if column >= 0}


def _graph(title: str, flow: Workflow, partners: Mapping[int, int] | None, room: Room) -> list[Content]:
    """Return a graph's lines; `partners` are the other's nodes that its nodes match, if there is another."""
    count = min(len(flow.nodes), MAX_NODES)
    lines, apart = rails(count, flow.edges[:MAX_EDGES])
    inner = sum(text not in (START, END) for text in flow.nodes)
    counted = "" if partners is None else f"  {len(partners)}/{inner} nodes match"
    drawn, partners = [heading(title) + Content.styled(counted, QUIET)], partners or {}
    goes_on = {tail for tail, head in flow.edges[:MAX_EDGES] if (tail, head) not in apart}
    for rail, node in lines:
        if node is None:
            drawn.append(Content.styled(rail, QUIET))
            continue
        is_end = flow.nodes[node] in (START, END)
        partner = f" = {partners[node]}" if node in partners else ""
        words = literal_line(flow.nodes[node], 400)
        text = words if is_end else f"{node}{f' {DONE}' if node in partners else ''} {words}{partner}"
        style = QUIET if is_end else GOOD if node in partners else ""
        first, *more = wrap(text, max(room.width - len(rail) - 1, 8))
        under = rail.replace("●", "│" if node in goes_on else " ")
        drawn.append(Content.styled(f"{rail} ", QUIET) + Content.styled(first, style))
        drawn += [Content.styled(f"{under} ", QUIET) + Content.styled(line, style) for line in more]
    if apart:
        loose = ", ".join(f"{tail}→{head}" for tail, head in apart[:10])
        drawn += marked("!", f"edges that lead nowhere or back: {loose}", room.width, "$text-warning")
    if len(flow.nodes) > MAX_NODES or len(flow.edges) > MAX_EDGES:
        drawn.append(Content.styled(f"… of {len(flow.nodes):,} nodes, {len(flow.edges):,} edges", QUIET))
    return drawn
