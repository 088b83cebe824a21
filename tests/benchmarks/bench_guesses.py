"""What guessed tokens bring: the bundled agent plays the suite `small` with and without them, in turns.

    python tests/benchmarks/bench_guesses.py [MODEL_FOLDER]

The command `arena batch` in a process of its own each time, 8 episodes in flight. Replies must be the same.
"""

import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

ROUNDS = 3
TASKS = 20
PLAY = (
    "import sys, arena.engines.hf_loop as loop; loop.MOST_GUESSES = int(sys.argv.pop(1)); "
    "from arena.cli import main; main()"
)


def play(model: str, most_guesses: int, run: Path) -> tuple[float, dict[tuple[str, int], str]]:
    """Return tokens of replies a second while episodes were played, and each turn's reply."""
    options = ["batch", "small", "--limit", str(TASKS), "--jobs", "8", "--quiet", "--out", str(run)]
    command = [sys.executable, "-c", PLAY, str(most_guesses), *options, "-a", f"it={model}"]
    subprocess.run(command, check=True, capture_output=True)
    db = sqlite3.connect(run / "run.sqlite")
    tokens, began, ended = db.execute(
        "SELECT (SELECT SUM(completion_tokens) FROM turn), MIN(started_at), MAX(ended_at) FROM episode"
    ).fetchone()
    replies = db.execute("SELECT task, idx, reply FROM turn JOIN episode ON episode.id = episode_id")
    found = {(task, index): reply for task, index, reply in replies}
    db.close()
    return tokens / (ended - began), found


def main() -> None:
    model = f"hf:{sys.argv[1]}" if len(sys.argv) > 1 else "bundled"
    rounds = []
    print("tokens/s: without guesses, with them")
    with tempfile.TemporaryDirectory() as folder:
        for number in range(ROUNDS):
            without, plain = play(model, 0, Path(folder) / f"{number}-without")
            guessing, guessed = play(model, 256, Path(folder) / f"{number}-with")
            same = sum(plain[turn] == guessed.get(turn) for turn in plain)
            rounds.append((without, guessing))
            print(f"  {without:8.0f} {guessing:8.0f}   the same reply in {same} of {len(plain)} turns")
    without, guessing = (max(column) for column in zip(*rounds, strict=True))
    print(f"best     {guessing:.0f} with guesses, {guessing / without:.2f} times as many as without")


if __name__ == "__main__":
    main()
