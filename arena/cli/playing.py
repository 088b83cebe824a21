"""Playing a plan from the command line: bars, events, limits, Ctrl-C, and what is said at the end."""

import os
import signal
from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arena.cli import event_lines
from arena.cli.output import say
from arena.cli.progress import BatchProgress
from arena.engines.base import Engine
from arena.halt import Halt
from arena.limits import Limits, Spending
from arena.patience import STEP_TIMEOUT_S
from arena.plan import Plan, exists
from arena.records import EpisodeEnded, EpisodeKey, Event, TurnPlayed

if TYPE_CHECKING:
    from arena.deciding import Deciding
    from arena.executors.base import Executor
    from arena.run import Tally

SHOWN_ERRORS = 5
EXECUTORS = ("local", "ray")
BY_SIGNAL = "signal"
"""A tally's stop details have it where a person or a scheduler stopped the run."""


@dataclass(frozen=True)
class How:
    """How a batch is played: all of it only schedules."""

    jobs: int | None = None
    limits: Limits = field(default_factory=Limits)
    until_decisive: bool = False
    step_timeout_s: float = STEP_TIMEOUT_S
    quiet: bool = False
    events: str | None = None
    executor: str = "local"


def play(
    plan: Plan,
    run: Path,
    engines: Mapping[str, Engine],
    how: How,
    only: Collection[EpisodeKey] | None = None,
) -> "Tally":
    """Play what a plan owes, or `only` some of it, and return how it went.

    Ctrl-C (or a scheduler's SIGTERM) lets the running turns end; a second one leaves at once.
    """
    import asyncio

    from arena.run import play_run

    halt, spending = Halt(), Spending(how.limits)
    recorded = _recorded(run)
    order, deciding = _deciding(plan, recorded) if how.until_decisive else (None, None)
    with ExitStack() as stack:
        # before the signals are ours: Ray takes one of them
        executor = stack.enter_context(_executor(how.executor))
        log = stack.enter_context(event_lines.opened(how.events)) if how.events else None
        bars = stack.enter_context(BatchProgress(plan, quiet=how.quiet or how.events == event_lines.STDERR))
        bars.already(recorded, _failed_turns(run))
        stack.enter_context(_stops_at_signals(halt, bars))

        def hear_tokens(event: Event) -> None:
            was_estimate = spending.goes_by_estimate
            spending.hear(event)
            if spending.goes_by_estimate and not was_estimate and isinstance(event, TurnPlayed):
                say(f"the server of {event.key.contestant} counts no tokens: the limit goes by an estimate")

        def listen(event: Event) -> None:
            bars.listen(event)
            if log is not None:
                log.write(event)
            hear_tokens(event)
            if reached := spending.reached:
                halt.ask(reached)
            if deciding is not None:
                deciding.hear(event)
                _stop_where_decided(deciding, halt)

        if deciding is not None:
            _stop_where_decided(deciding, halt)
        return asyncio.run(
            play_run(
                plan,
                run,
                engines,
                listen,
                jobs=how.jobs,
                only=only,
                order=order,
                halt=halt,
                step_timeout_s=how.step_timeout_s,
                executor=executor,
            )
        )


def say_how_it_went(tally: "Tally", again: str) -> int:
    """Say what failed and what is owed, and how to go on (`again`); return the exit code.

    It is 1 where episodes are owed, unless the run was stopped because everything is decided.
    """
    from arena.deciding import DECIDED

    for error in tally.errors[:SHOWN_ERRORS]:
        say(f"error: {error}")
    if len(tally.errors) > SHOWN_ERRORS:
        say(f"… and {len(tally.errors) - SHOWN_ERRORS} more errors")
    if tally.stopped:
        say(f"stopped: {tally.stopped}")
    if not tally.owed:
        return 0
    if DECIDED in tally.stop_details:
        say(f"{tally.owed} of {tally.planned} episodes were not needed; without --until they are played")
        return 0
    say(f"{tally.owed} of {tally.planned} episodes are owed; {again}")
    return 1


def _executor(name: str) -> "AbstractContextManager[Executor]":
    if name == "ray":
        from arena.executors.ray_cluster import connected

        return connected()
    from arena.executors.local import LocalExecutor

    return nullcontext(LocalExecutor())


def _recorded(run: Path) -> list[EpisodeEnded]:
    """Return how the finished episodes of a run ended."""
    from arena.store.files import connect

    if not exists(run):
        return []
    db = connect(run)
    try:
        rows = db.execute(
            "SELECT contestant, task, task_hash, seed, repeat, progress, success, turns FROM episode"
            " WHERE status = 'done' ORDER BY id"
        )
        return [
            EpisodeEnded(EpisodeKey(*row[:5]), "done", row["progress"], bool(row["success"]), row["turns"])
            for row in rows
        ]
    finally:
        db.close()


def _failed_turns(run: Path) -> dict[str, int]:
    """Return how many replies failed of each task, in episodes that are finished or go on."""
    from arena.store.files import connect

    if not exists(run):
        return {}
    with closing(connect(run)) as db:
        rows = db.execute(
            "SELECT e.task, COUNT(*) FROM turn t JOIN episode e ON e.id = t.episode_id"
            " WHERE t.failure_kind IS NOT NULL AND e.status IN ('done', 'running') GROUP BY 1"
        )
        return dict(map(tuple, rows))


def _deciding(plan: Plan, recorded: list[EpisodeEnded]) -> "tuple[list[str], Deciding]":
    from arena.deciding import Deciding, shuffled

    order = [task.hash for task in shuffled(plan.tasks, plan.suite.settings.seed)]
    names = [contestant.name for contestant in plan.contestants]
    deciding = Deciding(names[0], names, order, repeats=plan.repeats)
    for ended in recorded:
        deciding.hear(ended)
    return order, deciding


def _stop_where_decided(deciding: "Deciding", halt: Halt) -> None:
    from arena.deciding import DECIDED

    if answer := deciding.decided:
        halt.ask(f"decided: {answer}", "episodes", {DECIDED: answer})


@contextmanager
def _stops_at_signals(halt: Halt, bars: BatchProgress) -> Iterator[None]:
    def stop(number: int, frame: Any) -> None:
        if halt.finish == "turns":
            # what is recorded is safe; engines and environments in threads can't be waited for
            bars.stop()
            say("left at once; the same command goes on from the last recorded turn")
            os._exit(1)
        halt.ask("interrupted" if number == signal.SIGINT else "asked to end", details={BY_SIGNAL: number})
        say("the running turns are finished and saved; once more leaves at once")

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
