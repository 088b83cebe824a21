"""`arena tasks`: the tasks that can be played, and what the others need."""

from typing import Annotated

import typer

from arena.cli.options import Json


def tasks(
    benchmark: Annotated[str | None, typer.Argument(help="Only this benchmark, or benchmark/subset.")] = None,
    source: Annotated[str, typer.Option(help="bundled or official.")] = "bundled",
    as_json: Json = False,
) -> None:
    """List the tasks: one line a benchmark, or every task of the one that is named."""
    from arena.cli.output import print_json, print_table, say
    from arena.engines.options import nearest
    from arena.errors import UsageError
    from envs import registry
    from envs.errors import BadData, MissingData

    if source not in ("bundled", "official"):
        raise UsageError(f"--source {source!r} is not one of bundled, official")
    name, _, subset = (benchmark or "").partition("/")
    cards = [registry.benchmark(name)] if name else list(registry.benchmarks().values())
    listed, summary = [], []
    for card in cards:
        state, mend = registry.state(card, source)  # type: ignore[arg-type]
        try:
            found = [
                task
                for task in registry.tasks(card.name, source)  # type: ignore[arg-type]
                if subset in ("", task.subset)
            ]
        except (MissingData, BadData):
            found = []
        listed += [
            {
                "id": task.id,
                "benchmark": task.benchmark,
                "subset": task.subset,
                "source": task.source,
                "state": state,
                "mend": mend,
                "expert": card.has_expert_for(task),
                "max_steps": task.max_steps,
                "difficulty": task.difficulty,
            }
            for task in found
        ]
        subsets = len({task.subset for task in found})
        summary.append((card.name, card.capability, len(found), subsets, state, mend))
    if subset and not listed and not summary[0][5]:
        known = sorted({f"{name}/{task.subset}" for task in registry.tasks(name, source)})  # type: ignore[arg-type]
        raise UsageError(f"{name} has no subset {subset!r}", nearest(f"{name}/{subset}", known, "subsets"))
    if as_json:
        print_json(listed)
    elif name:
        print_table(
            ("task", "difficulty", ">steps", "state"),
            [(each["id"], each["difficulty"], each["max_steps"], each["state"]) for each in listed],
        )
        if not listed:
            say(
                f"{benchmark}: {summary[0][4]}; {summary[0][5]}"
                if summary[0][5]
                else f"{benchmark}: no tasks"
            )
    else:
        print_table(("benchmark", "capability", ">tasks", ">subsets", "state", "mend"), summary)
