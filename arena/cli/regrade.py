"""`arena regrade`: score recorded replies again, by today's parser and scorers."""

from typing import Annotated, Any

import typer

from arena.cli.options import Json, RunName


def regrade(
    run: RunName,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would move; record nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Read and score every recorded reply again, print what moved, and record it.

    No model is asked. The scores as they were stay in the run, superseded. An episode whose environment
    crashes stays as it is; the exit code is then 1.
    """
    import asyncio
    from collections import defaultdict

    from arena.cli.output import print_json, print_table, say
    from arena.regrade import Regraded
    from arena.regrade import regrade as regrade_run
    from arena.run import GRADING_VERSION
    from arena.store.files import find_run

    found = find_run(run)
    replayed = asyncio.run(regrade_run(found, record=not dry_run))
    graded = [each for each in replayed if not each.crash]
    crashed = [each for each in replayed if each.crash]
    moved = [each for each in graded if each.moved]
    groups: dict[tuple[str, str], list[Regraded]] = defaultdict(list)
    for each in graded:
        groups[each.episode.key.task.partition("/")[0], each.episode.key.contestant].append(each)
    rows: list[dict[str, Any]] = [
        {
            "benchmark": benchmark,
            "contestant": contestant,
            "episodes": len(members),
            "moved": sum(each.moved for each in members),
            "apart": sum(each.apart for each in members),
            "progress_before": sum(each.episode.progress for each in members) / len(members),
            "progress": sum(each.progress for each in members) / len(members),
            "success_before": sum(each.episode.success for each in members) / len(members),
            "success": sum(each.success for each in members) / len(members),
        }
        for (benchmark, contestant), members in groups.items()
    ]
    if as_json:
        print_json(
            {
                "run": found.name,
                "grading_version": GRADING_VERSION,
                "recorded": not dry_run,
                "scores": rows,
                "moved": [
                    {
                        "contestant": each.episode.key.contestant,
                        "task": each.episode.key.task,
                        "repeat": each.episode.key.repeat,
                        "progress_before": each.episode.progress,
                        "progress": each.progress,
                        "success_before": each.episode.success,
                        "success": each.success,
                        "turns": each.moved_turns,
                        "apart": each.apart,
                    }
                    for each in moved
                ],
                "crashed": [
                    {
                        "contestant": each.episode.key.contestant,
                        "task": each.episode.key.task,
                        "repeat": each.episode.key.repeat,
                        "error": each.crash,
                    }
                    for each in crashed
                ],
            }
        )
        raise typer.Exit(bool(crashed))
    print_table(
        ("benchmark", "contestant", ">episodes", ">moved", ">apart", ">progress", ">was", ">success", ">was"),
        [
            (
                row["benchmark"],
                row["contestant"],
                row["episodes"],
                row["moved"],
                row["apart"],
                *(f"{100 * row[key]:.1f}" for key in ("progress", "progress_before")),
                *(f"{100 * row[key]:.1f}" for key in ("success", "success_before")),
            )
            for row in rows
        ],
    )
    for each in moved[:20]:
        key, before = each.episode.key, each.episode
        say(
            f"{key.task}, {key.contestant}, repeat {key.repeat}: progress {before.progress:.2f} -> "
            f"{each.progress:.2f}, {each.moved_turns} turns"
        )
    if len(moved) > 20:
        say(f"… and {len(moved) - 20} more; --json lists them all")
    for each in crashed[:20]:
        key = each.episode.key
        say(f"{key.task}, {key.contestant}, repeat {key.repeat}: {each.crash}; it stays as it was")
    if len(crashed) > 20:
        say(f"… and {len(crashed) - 20} more that stay as they were; --json lists them all")
    if any(each.apart for each in graded):
        say("apart: an early turn leads elsewhere now, so later replies answer to what is no longer there")
    say(f"{len(moved)} of {len(graded)} episodes moved" + (", nothing recorded" if dry_run else ""))
    raise typer.Exit(bool(crashed))
