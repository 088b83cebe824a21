"""How often does `--until decisive` raise a false alarm, and when does it stop?

10,000 A/A runs for each kind of score, looked at after every one of 500 tasks: a false alarm is a run in
which two equal contestants were told apart at any look. Beside it what an ordinary 95 % interval would do.

    python tests/benchmarks/bench_sequential.py [RUNS]
"""

import sys
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from analysis.sequential import ALPHA, ConfidenceSequence

TASKS = 500
FIRST_LOOK = 10
Draw = Callable[[np.random.Generator, int], NDArray[np.float64]]


def success(rate: float, same: float) -> Draw:
    """Both succeed with `rate`; on a share `same` of the tasks they do the same."""

    def draw(rng: np.random.Generator, runs: int) -> NDArray[np.float64]:
        one, other = rng.random(runs) < rate, rng.random(runs) < rate
        return np.where(rng.random(runs) < same, 0.0, one.astype(float) - other)

    return draw


def progress(rng: np.random.Generator, runs: int) -> NDArray[np.float64]:
    """Progress in quarters, U-shaped as on multi-turn tasks."""
    steps = rng.choice([0, 0.25, 0.5, 0.75, 1], (2, runs), p=[0.3, 0.1, 0.1, 0.1, 0.4])
    return steps[0] - steps[1]


def skewed(rng: np.random.Generator, runs: int) -> NDArray[np.float64]:
    """Seldom a large loss, often a small gain; the mean is 0."""
    return np.where(rng.random(runs) < 0.05, -0.95, 0.05)


KINDS: dict[str, Draw] = {
    "success 50 %, independent": success(0.5, 0.0),
    "success 80 %, same on 90 %": success(0.8, 0.9),
    "success 99 %, same on 50 %": success(0.99, 0.5),
    "progress in quarters": progress,
    "skewed, mean 0": skewed,
}


def main() -> None:
    """Print one line a kind of score."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    print(f"{runs} A/A runs of {TASKS} tasks, looked at after every task; allowed: {100 * ALPHA:.0f} %")
    for name, draw in KINDS.items():
        rng = np.random.default_rng(0)
        sequence = ConfidenceSequence(means=[0.0], runs=runs)
        total, squares = np.zeros(runs), np.zeros(runs)
        ordinary = np.zeros(runs, dtype=bool)
        for count in range(1, TASKS + 1):
            differences = draw(rng, runs)
            sequence.add(differences)
            total += differences
            squares += differences**2
            error = np.sqrt(np.maximum(squares / count - (total / count) ** 2, 0) / count)
            if count >= FIRST_LOOK:
                ordinary |= np.abs(total / count) > 1.96 * error
        alarms = float(np.mean(sequence.log_evidence[:, 0] >= np.log(1 / ALPHA)))
        print(
            f"{name:28} {100 * alarms:5.2f} % false alarms; ordinary interval {100 * ordinary.mean():5.1f} %"
        )
    rng = np.random.default_rng(1)
    begun = time.perf_counter()
    sequence = ConfidenceSequence()
    for difference in rng.choice([-1.0, 0.0, 1.0], 2000, p=[0.1, 0.85, 0.05]):
        sequence.add(difference)
        _ = sequence.interval
    print(f"one task more: {1e6 * (time.perf_counter() - begun) / 2000:.0f} µs")


if __name__ == "__main__":
    main()
