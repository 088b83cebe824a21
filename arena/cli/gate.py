"""`arena gate`: may the compressed models of a run ship? For pipelines."""

from pathlib import Path
from typing import Annotated

import typer

from arena.cli.options import Json, RunName


def gate(
    run: RunName,
    max_drop: Annotated[
        float | None,
        typer.Option("--max-drop", metavar="POINTS", help="Allowed drop in points of 100 (default: 3)."),
    ] = None,
    policy: Annotated[
        Path | None, typer.Option("--policy", metavar="FILE.toml", help="Critical and advisory benchmarks.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Inconclusive is failure.")] = False,
    markdown: Annotated[
        Path | None, typer.Option("--markdown", metavar="FILE", help="Write a pull-request comment.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say PASS, WARN, FAIL or INCONCLUSIVE for each contestant and benchmark.

    Exit code 0: pass or warn. 1: fail. 3: inconclusive (1 with --strict).
    """
    from rich.text import Text

    from arena.cli.output import out, print_json, print_table, say
    from arena.errors import UsageError, writing
    from arena.gating.decision import OVERALL, decide, exit_code
    from arena.gating.markdown import gate_markdown
    from arena.gating.policy import Policy, load_policy
    from arena.gating.replies import read_flips
    from arena.literal import literal
    from arena.report.document import report_document
    from arena.report.tables import p_value
    from arena.store.files import find_run

    demanded = load_policy(policy) if policy else Policy()
    if max_drop is not None:
        if not 0 < max_drop < 100:
            raise UsageError("--max-drop is in points of 100, above 0 and below 100", "say --max-drop 3")
        demanded = demanded.model_copy(update={"max_drop": max_drop})
    where = find_run(run)
    document = report_document(where)
    decision = decide(document, demanded)
    if markdown is not None:
        text = gate_markdown(document, decision, read_flips(where, document))
        with writing(markdown, "choose another file for --markdown"):
            markdown.write_text(text, encoding="utf-8")
    if as_json:
        print_json({"run": where.name, "baseline": document["baseline"], **decision.as_json()})
    else:
        rows = [
            (
                line.contestant,
                line.benchmark + ("" if line.critical else " (advisory)"),
                line.status,
                "" if line.delta is None else f"{100 * line.delta:+.1f}",
                "" if line.ci is None else f"[{100 * line.ci[0]:+.1f}, {100 * line.ci[1]:+.1f}]",
                "" if line.p_holm is None else p_value(line.p_holm),
            )
            for line in decision.lines
        ]
        print_table(("contestant", "benchmark", "status", ">Δ", "95 %", ">p"), rows)
        for line in decision.lines:
            if line.status != "PASS":
                out().print(Text(literal(f"{line.contestant}, {line.benchmark}: {line.reason}")))
        ended = f"{decision.status} ({decision.measure}, against {document['baseline']})"
        out().print(Text(literal(ended)))
    if not decision.lines:
        say("nobody is judged: beside its baseline the run has no model (expert, random, scripts are none)")
    judged = {line.benchmark for line in decision.lines}
    for name in dict.fromkeys([*demanded.advisory, *demanded.max_drop_of]):
        if judged and name not in {*judged, OVERALL}:
            say(f"{policy} says something of {name}, which nobody has played: is that its name?")
    for note in document["notes"]:
        say(note)
    raise typer.Exit(exit_code(decision.status, strict=strict))
