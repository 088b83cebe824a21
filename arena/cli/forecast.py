"""What `arena batch --dry-run` prints."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from arena.limits import MILLION, Limits
from arena.plan import Plan


def print_forecast(plan: Plan, run: Path, limits: Limits, *, as_json: bool) -> None:
    """Print what a batch would take: a row for each benchmark and contestant, and all in all."""
    from arena.cli.output import print_json, print_table, say
    from arena.forecast import forecast

    rows, speeds = forecast(plan, run)
    total = {
        name: sum(getattr(row, name) for row in rows)
        for name in ("episodes", "done", "turns", "prompt_tokens", "reply_tokens", "hours")
    }
    cost = (
        total["prompt_tokens"] * limits.prompt_price + total["reply_tokens"] * limits.completion_price
    ) / MILLION
    if as_json:
        document: dict[str, Any] = {
            "run": run.name,
            "suite": plan.suite.name,
            "tasks": len(plan.tasks),
            "repeats": plan.repeats,
            "rows": [asdict(row) for row in rows],
            "total": total,
            "speeds": {name: asdict(speed) for name, speed in speeds.items()},
        }
        if limits.prompt_price or limits.completion_price:
            document["cost"] = cost
        print_json(document)
        return
    columns = (
        "benchmark",
        "data",
        "contestant",
        ">episodes",
        ">done",
        ">turns",
        ">read",
        ">written",
        ">hours",
    )
    print_table(
        columns,
        [
            (
                row.benchmark,
                row.sources,
                row.contestant,
                f"{row.episodes:,}",
                f"{row.done:,}",
                f"{row.turns:,.0f}",
                _millions(row.prompt_tokens),
                _millions(row.reply_tokens),
                _hours(row.hours),
            )
            for row in rows
        ]
        + [
            (
                "all",
                "",
                "",
                f"{total['episodes']:,}",
                f"{total['done']:,}",
                f"{total['turns']:,.0f}",
                _millions(total["prompt_tokens"]),
                _millions(total["reply_tokens"]),
                _hours(total["hours"]),
            )
        ],
    )
    for name, speed in speeds.items():
        rate = "" if speed.tokens_s is None else f"{speed.tokens_s:,.0f} tokens/s written, "
        say(f"{name}: {rate}{speed.source}")
    if cost:
        say(f"tokens would cost {cost:,.2f} at these prices")
    say(f"an estimate by arena/expected.toml; nothing was played. It would be recorded in {run}")


def _millions(tokens: float) -> str:
    return f"{tokens / 1e6:,.2f} M"


def _hours(hours: float) -> str:
    if hours == 0:
        return "-"
    return f"{hours:,.1f}" if hours >= 1 else f"{60 * hours:,.0f} min"
