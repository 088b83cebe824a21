"""One command, killed twice on its way: the bundled base and six recipes on the bundled suite.

    python tests/benchmarks/bench_done_when.py [TASKS OF EACH GROUP]

Says after each kill what was recorded, and after the next start what of it is still there, and prints the
report. Without a number of tasks it plays the whole suite, half an hour on 2 cores.
"""

import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RECIPES = ("fp8", "rtn-w4g128", "rtn-w3g128", "magnitude-50", "magnitude-2:4", "wanda-50")
KILLED_AT = (0.25, 0.6)
"""After so much of the episodes: once early, once late."""
LOOK_EVERY_S = 0.5
TURNS = "SELECT e.contestant, e.task_hash, e.repeat, e.attempt, t.idx, t.reply, t.action FROM turn t JOIN episode e ON e.id = t.episode_id"  # fmt: skip # noqa: E501


def read(run: Path, query: str) -> list[tuple]:
    """Return the rows of a query; none before there is a run."""
    if not (run / "run.sqlite").exists():
        return []
    db = sqlite3.connect(f"file:{run / 'run.sqlite'}?mode=ro", uri=True)
    try:
        return db.execute(query).fetchall()
    except sqlite3.OperationalError:  # not written yet
        return []
    finally:
        db.close()


def finished(run: Path) -> int:
    """Return how many episodes are scored."""
    rows = read(run, "SELECT COUNT(*) FROM episode WHERE status = 'done'")
    return rows[0][0] if rows else 0


def main(limit: str | None) -> None:
    """Play, kill, play, kill, play, report."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        contestants = [argument for name in RECIPES for argument in ("-a", f"bundled+{name}")]
        command = [sys.executable, "-m", "arena", "batch", "bundled", "-a", "bundled", *contestants]
        command += ["--out", str(run), *(["--limit", limit] if limit else [])]
        print(" ".join(["arena", *command[3:]]), flush=True)
        recorded: set[tuple] = set()
        planned, began = 0, time.monotonic()
        for share in (*KILLED_AT, None):
            process = subprocess.Popen([*command, "--quiet"], stdout=subprocess.PIPE, text=True)
            while share is not None and process.poll() is None:
                time.sleep(LOOK_EVERY_S)
                planned = planned or _planned(run)
                if planned and finished(run) >= share * planned:
                    process.send_signal(signal.SIGKILL)
            report, _ = process.communicate()
            now = set(read(run, TURNS))
            lost = len(recorded - now)
            minutes = (time.monotonic() - began) / 60
            what = f"exit code {process.returncode}" if share is None else "kill -9"
            print(
                f"{minutes:5.1f} min  {what}: {finished(run):,} of {planned:,} episodes, {len(now):,} turns;"
                f" of the {len(recorded):,} turns before, {lost} lost or changed",
                flush=True,
            )
            recorded = now
        again = len(read(run, "SELECT 1 FROM episode WHERE attempt > 1"))
        twice = len(recorded) - len({turn[:3] + turn[4:5] for turn in recorded})
        print(f"episodes begun anew: {again}; turns played twice: {twice}\n\n{report}", flush=True)


def _planned(run: Path) -> int:
    """Return how many episodes a run has planned; 0 before that is known."""
    from arena.plan import exists, read_plan

    if not exists(run):
        return 0
    plan = read_plan(run)["plan"]
    return len(plan["contestants"]) * len(plan["tasks"]) * int(plan["repeats"])


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
