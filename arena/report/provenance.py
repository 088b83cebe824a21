"""Where a report's numbers come from: versions, hashes, seeds, data, scorers."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from arena.report.gathering import Gathered


def provenance(gathered: Gathered) -> dict[str, Any]:
    """Return {runs: [versions, machine, suite, seeds of each], data: {benchmark: what it was played on}}.

    Of each benchmark: how many tasks are from which `source` (bundled, official, imported), the grading
    version, and scoring and encoder where they were chosen.
    """
    return {"runs": [_run(plan) for plan in gathered.plans], "data": _data(gathered)}


def agents(gathered: Gathered) -> dict[str, dict[str, Any]]:
    """Return who each contestant is: {spec, hash, size_bytes, options, engine}."""
    return {
        name: {
            "spec": agent.get("spec", ""),
            "hash": agent.get("hash", ""),
            "size_bytes": agent.get("size_bytes"),
            "options": agent.get("options") or {},
            "engine": engine_of(agent),
        }
        for name, agent in gathered.agents.items()
    }


def is_random(agent: Mapping[str, Any]) -> bool:
    """Tell whether a contestant (of `run.toml`) plays at random."""
    return engine_of(agent) == "random"


def fallbacks(gathered: Gathered) -> dict[str, int]:
    """Return benchmark -> bundled tasks played because the preferred official data are missing."""
    preferred = {
        group["benchmark"]
        for plan in gathered.plans
        for group in (plan.get("suite") or {}).get("tasks", ())
        if group.get("source") == "best"
    }
    data = _data(gathered)
    return {
        name: found["sources"]["bundled"]
        for name, found in data.items()
        if name in preferred and found["sources"].get("bundled")
    }


def engine_of(agent: Mapping[str, Any]) -> str:
    """Return the name of a contestant's engine, as `run.toml` has it; empty where it says none."""
    return str(((agent.get("identity") or {}).get("engine") or {}).get("engine", ""))


def _run(plan: Mapping[str, Any]) -> dict[str, Any]:
    frozen = plan["plan"]
    seed = (frozen.get("settings") or {}).get("seed", 0)
    return {
        "suite": frozen.get("suite", ""),
        "arena": plan.get("arena", ""),
        "created": plan.get("created", ""),
        "packages": plan.get("packages") or {},
        "machine": plan.get("machine") or {},
        "settings": frozen.get("settings") or {},
        "seeds": [seed + repeat for repeat in range(int(frozen.get("repeats", 1)))],
        "tasks": len(frozen.get("tasks", ())),
    }


def _data(gathered: Gathered) -> dict[str, dict[str, Any]]:
    played: dict[str, dict[str, int | None]] = {}
    for each in gathered.episodes:
        played.setdefault(each.benchmark, {}).setdefault(each.task_hash, each.grading_version)
    found = {}
    for benchmark, tasks in played.items():
        facts = [gathered.tasks[task] for task in tasks if task in gathered.tasks]
        found[benchmark] = {
            "sources": dict(Counter(each.source for each in facts)),
            "grading_version": next(iter(tasks.values()), None),
            "scoring": sorted({each.grading["scoring"] for each in facts if "scoring" in each.grading}),
            "encoder": sorted({each.grading["encoder"] for each in facts if "encoder" in each.grading}),
        }
    return found
