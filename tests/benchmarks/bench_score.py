"""How fast `arena score` goes through a file, and whether its memory grows with it.

Run it: `python tests/benchmarks/bench_score.py [ROWS]`. WorfBench rows with half of their nodes reworded, the
hashing encoder, the real command line in a process of its own; then four times as many rows. The encoder
remembers the last 20,000 texts, so memory is compared between files that have more of them.
"""

import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from envs.workflow.tasks import tasks


def reworded(gold: str, draw: random.Random) -> str:
    """Return a workflow in which half of the nodes have other words."""
    lines = []
    for line in gold.split("\n"):
        if line[:1].isdigit() and draw.random() < 0.5:
            number, _, text = line.partition(": ")
            words = text.split()
            draw.shuffle(words)
            line = f"{number}: {' '.join(words)} {draw.randrange(10**6)}"
        lines.append(line)
    return "\n".join(lines)


def write_rows(file: Path, count: int) -> None:
    """Write `count` rows of WorfBench."""
    draw = random.Random(0)
    golds = [task.data["gold"] for task in tasks("bundled")]
    with file.open("w") as out:
        for number in range(count):
            gold = golds[number % len(golds)]
            out.write(json.dumps({"id": f"row_{number}", "gold": gold, "reply": reworded(gold, draw)}) + "\n")


def measure(file: Path, *options: str) -> tuple[float, float]:
    """Return the seconds that scoring a file takes, and the process's peak memory in MB."""
    program = (
        "import resource, sys; from arena.cli import app; sys.argv = ['arena', *sys.argv[1:]]\n"
        "try: app()\n"
        "finally: print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)"
    )
    command = [
        sys.executable,
        "-c",
        program,
        "score",
        "worfbench",
        str(file),
        "--encoder",
        "hashing",
        *options,
    ]
    began = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True)
    seconds = time.perf_counter() - began
    unit = 1 if sys.platform == "darwin" else 1024
    return seconds, int(done.stderr.splitlines()[-1]) * unit / 1e6


def main() -> None:
    """Print a table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as folder:
        empty, few, many = (Path(folder) / name for name in ("empty.jsonl", "few.jsonl", "many.jsonl"))
        empty.touch()
        write_rows(few, count)
        write_rows(many, 4 * count)
        start, least = measure(empty)
        print(f"start of the program: {start:.2f} s, {least:.0f} MB")
        for options in ((), ("--scoring", "strict"), ("--scoring", "faithful")):
            seconds, peak = measure(few, *options)
            what = " ".join(options) or "faithful and strict"
            print(f"{what:24}{count:>10,} rows{count / (seconds - start):10,.0f} rows/s{peak:8,.0f} MB")
        seconds, more = measure(many, "--scoring", "faithful")
        speed = 4 * count / (seconds - start)
        print(f"{'four times the rows':24}{4 * count:>10,} rows{speed:10,.0f} rows/s{more:8,.0f} MB", end="")
        print(f" ({more / peak:.2f} x)")


if __name__ == "__main__":
    main()
