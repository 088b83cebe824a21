"""Where the user's copies of official data lie."""

import os
from pathlib import Path

from platformdirs import user_data_dir

from envs.errors import MissingData


def official_folder(benchmark: str) -> Path:
    """Return the folder with a benchmark's official data: `$ARENA_DATA/BENCHMARK`, or the user's data folder.

    Raises `MissingData` where it is absent.
    """
    root = os.environ.get("ARENA_DATA") or str(Path(user_data_dir("arena")) / "data")
    folder = Path(root) / benchmark
    if not folder.is_dir():
        raise MissingData(
            f"the official data of {benchmark} are not in {folder}", f"arena data import {benchmark} PATH"
        )
    return folder
