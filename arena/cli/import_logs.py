"""`arena import`: bring in what other harnesses recorded."""

from pathlib import Path
from typing import Annotated

import typer

from arena.cli.options import Json


def import_logs(
    logs: Annotated[
        list[str],
        typer.Argument(metavar="[NAME=]LOG…", help="Logs; the first one's contestant is the baseline."),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="RUN", help="Run directory to make.")],
    pair: Annotated[
        str, typer.Option(help="How tasks are matched: auto (id, else what was asked), id or prompt.")
    ] = "auto",
    score: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Which of the logs' scores is progress (default: the first)."),
    ] = None,
    encoder: Annotated[
        str | None, typer.Option(metavar="NAME", help="Compares sentences of T-Eval and WorfBench replies.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a run of logs: Inspect, lm-eval, AgentBoard, T-Eval and WorfBench predictions, OpenAI-style chats.

    What a log doesn't hold stays empty; scores that it carries are kept as theirs. A folder may hold several.
    """
    from dataclasses import asdict

    from arena.cli.output import doing, err, print_json, say
    from arena.outside.importing import import_logs
    from arena.outside.pairing import way
    from arena.plan import read_plan
    from arena.report.tables import import_remarks

    with err().status("reading") as status:
        counted: dict[str, int] = {}

        def on_episode(log: str) -> None:
            counted[log] = counted.get(log, 0) + 1
            status.update(doing(f"{log}: {counted[log]:,} episodes"))

        done = import_logs(logs, out, way(pair), score, encoder, on_episode)
    if done is None:
        if as_json:
            print_json({"run": out.name})
        say(f"run {out} is as it was exported")
        return
    if as_json:
        print_json({"run": out.name, **asdict(done)})
    for name, episodes in done.contestants.items():
        say(f"{name}: {episodes} episodes")
    for remark in import_remarks({"imported": read_plan(out)["imported"]}):
        say(remark)
    say(f"run {out}\n`arena report {out}` compares, `arena watch {out}` shows it turn by turn")
