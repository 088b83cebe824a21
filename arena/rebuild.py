"""A recorded run's plan, made again from its own files: what `arena retry` and `arena regrade` go by."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from arena.agent import settings_from_json
from arena.contestant import Contestant, enter
from arena.engines.api_key import receiver
from arena.engines.base import Engine
from arena.engines.openai_problem import one_line
from arena.engines.registry import ContestantSpec
from arena.errors import StoreError, UsageError
from arena.plan import Plan, read_plan, without_none
from arena.store.files import PLAN
from arena.store.reader import RunReader
from arena.suite import Suite


def recorded_plan(run: Path) -> Plan:
    """Return the plan of a run as it was frozen, with the tasks that its database keeps. Starts no engine.

    Raises `StoreError` where the run's files don't hold it.
    """
    document = read_plan(run)
    reader = RunReader(run)
    try:
        tasks = [reader.task(task_hash) for _, task_hash in document["plan"]["tasks"]]
        suite = Suite.model_validate(document["suite"])
        contestants = [_contestant(each) for each in document["contestants"]]
        return Plan(suite, contestants, tasks, document["plan"]["repeats"])
    except (KeyError, TypeError, ValueError, ValidationError) as error:
        raise StoreError(
            f"{run} does not hold its whole plan: {error}",
            "runs that were imported or begun by an older Arena can't be played on",
        ) from None
    finally:
        reader.close()


def recorded_line_up(run: Path, *, trusted: bool = False) -> tuple[Plan, dict[str, Engine]]:
    """Return a run's plan and its engines, made again from what was typed when it was begun (not started).

    A run may come from anyone: only where it is `trusted` is the API key sent to another machine that it
    names, or a model's own code run. Raises `UsageError` where that would be needed, `StoreError` where a
    contestant is no longer what it was: its model, template, prompts or package versions are others now. Two
    models are never mixed under one name.
    """
    plan = recorded_plan(run)
    engines: dict[str, Engine] = {}
    for before in plan.contestants:
        if not trusted:
            _check_harmless(before, run)
        spec = ContestantSpec(before.name, before.spec, before.engine_options, before.own)
        now, engine = enter(spec, plan.suite.settings)
        if now.hash != before.hash:
            raise StoreError(
                f"{before.name} is not what it was when {run} was begun: {_changed(before, now)}",
                "restore what it was, or begin another run",
            )
        engines[before.name] = engine
    return plan, engines


def _check_harmless(contestant: Contestant, run: Path) -> None:
    if address := receiver(contestant.spec):
        raise UsageError(
            f"{contestant.name} would send the API key to {one_line(address)}, as {run / PLAN} says",
            "if that server is yours to use: --trust; or unset the key",
        )
    if contestant.engine_options.get("trust_remote_code"):
        raise UsageError(
            f"{contestant.name} would run the code of {one_line(contestant.spec)}, as {run / PLAN} says",
            "if you trust that model: --trust",
        )


def _contestant(recorded: Mapping[str, Any]) -> Contestant:
    identity = dict(recorded["identity"])
    return Contestant(
        name=recorded["name"],
        spec=recorded["spec"],
        engine_options=recorded["options"],
        settings=settings_from_json(identity["settings"]),
        identity=identity,
        size_bytes=recorded.get("size_bytes"),
        own=recorded["own"],
        recorded_hash=recorded["hash"],
    )


def _changed(before: Contestant, now: Contestant) -> str:
    then: Mapping[str, Any] = before.identity
    today: Mapping[str, Any] = without_none(now.identity)
    parts = []
    for group in ("engine", "settings"):
        old, new = then.get(group, {}), today.get(group, {})
        parts += [
            f"{key} was {old.get(key)!r:.60}, is {new.get(key)!r:.60}"
            for key in {**old, **new}
            if old.get(key) != new.get(key)
        ]
    return "; ".join(parts) or "its prompts have changed"
