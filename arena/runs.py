"""The runs of a folder, at a glance."""

from contextlib import closing
from typing import Any

from arena.errors import StoreError
from arena.plan import read_plan
from arena.store.files import DATABASE, connect, runs_folder


def list_runs() -> list[dict[str, Any]]:
    """Return one summary a run, oldest first; a run that can't be read has its `problem` in words."""
    folder = runs_folder()
    if not folder.is_dir():
        return []
    found = []
    for run in folder.iterdir():
        if not (run / DATABASE).is_file():
            continue
        summary: dict[str, Any] = {
            "run": run.name,
            "suite": "",
            "created": "",
            "contestants": [],
            "planned": 0,
            "done": 0,
            "errors": 0,
            "problem": "",
        }
        try:
            plan = read_plan(run)
            contestants, tasks = plan["plan"]["contestants"], plan["plan"]["tasks"]
            summary |= {
                "suite": plan["plan"]["suite"],
                "created": str(plan["created"]),
                "contestants": [name for name, _ in contestants],
                "planned": len(contestants) * len(tasks) * plan["plan"]["repeats"],
            }
            with closing(connect(run)) as db:
                counts = dict(db.execute("SELECT status, COUNT(*) FROM episode GROUP BY status").fetchall())
            summary |= {"done": counts.get("done", 0), "errors": counts.get("error", 0)}
        except StoreError as error:
            summary["problem"] = error.message
        except (KeyError, TypeError, ValueError) as error:
            summary["problem"] = f"run.toml is not as Arena writes it: {error}"
        found.append(summary)
    return sorted(found, key=lambda each: (each["created"], each["run"]))
