"""How fast `erank_weights` is against an SVD in float64, and how near; both measured in this one run.

Run it: `python tests/benchmarks/bench_erank.py [ROWS COLUMNS]` (default 4096 11008, a layer of a 7B model;
the SVD alone takes minutes on two cores).
"""

import sys
import time

import torch

from analysis.erank import erank_of_spectrum, erank_weights


def matrices(rows: int, columns: int) -> dict[str, torch.Tensor]:
    """Return a random matrix, and one whose spectrum falls as those of trained layers do."""
    noise = torch.randn(rows, columns, generator=torch.Generator().manual_seed(0))
    decay = torch.logspace(0, -3, rows)
    return {"random": noise, "decaying over 3 decades": decay[:, None] * noise}


def main() -> None:
    """Print a table."""
    rows, columns = map(int, sys.argv[1:3]) if len(sys.argv) > 2 else (4096, 11008)
    print(f"{rows} x {columns}, float32, {torch.get_num_threads()} threads")
    print(f"{'':26}{'svdvals s':>10}{'ours s':>8}{'ratio':>7}{'ERank':>9}{'error':>10}{'its bound':>11}")
    erank_weights(torch.ones(64, 64))  # starts torch's threads
    for name, matrix in matrices(rows, columns).items():
        began = time.perf_counter()
        ours = erank_weights(matrix)
        between = time.perf_counter()
        exact = erank_of_spectrum(torch.linalg.svdvals(matrix.double()).numpy())
        ended = time.perf_counter()
        ours_s, svd_s = between - began, ended - between
        error = abs(ours.value - exact) / exact
        print(
            f"{name:26}{svd_s:10.1f}{ours_s:8.1f}{svd_s / ours_s:7.1f}{ours.value:9.1f}"
            f"{error:10.1e}{ours.relative_error:11.1e}",
            flush=True,
        )


if __name__ == "__main__":
    main()
