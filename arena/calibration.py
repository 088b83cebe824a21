"""Where the text for calibration comes from, as it is named on a command line."""

from collections.abc import Iterator
from pathlib import Path

from arena.errors import UsageError
from arena.paths import typed_path
from compress.calibration import Calibration, bundled_calibration, read_calibration

_TRAJECTORIES = "trajectories:"


def find_calibration(name: str) -> Calibration:
    """Return the texts that `FILE|DIR|bundled|trajectories:RUN` means.

    Raises `UsageError` where there is no such thing, `CalibrationError` where it can't be read.
    """
    if name == "bundled":
        return bundled_calibration()
    if name.startswith(_TRAJECTORIES):
        return trajectories(name.removeprefix(_TRAJECTORIES))
    path = typed_path(name)
    if not name or not path.exists():  # an empty path is the folder that one is in
        raise UsageError(
            f"there is no calibration text {name}: no such file or folder",
            "name a file, a folder, `bundled` or `trajectories:RUN`",
        )
    return read_calibration(path)


def trajectories(run_name: str) -> Calibration:
    """Return what an agent saw and wrote in a run, one text an episode, as the `flat` prompt style has it.

    `run_name` is RUN, or RUN#CONTESTANT; without a contestant the run's baseline is meant, whose skills a
    compressed model is to keep. Instructions and examples are not recorded, so texts begin with the goal.
    Raises `UsageError` where there is no such run or contestant, or it has played nothing.
    """
    from arena.plan import contestant_names
    from arena.store.files import find_run

    name, _, contestant = run_name.partition("#")
    run = find_run(name)
    known = contestant_names(run)
    if contestant and contestant not in known:
        raise UsageError(
            f"no contestant of {name} is called {contestant!r}", f"contestants: {', '.join(known)}"
        )
    played = contestant or known[0]
    texts = tuple(_episodes(run, played))
    if not texts:
        raise UsageError(f"{played} has played no turn in {name} yet", "name another run, or RUN#CONTESTANT")
    return Calibration(f"{_TRAJECTORIES}{run.name}#{played}", texts)


def _episodes(run: Path, contestant: str) -> Iterator[str]:
    from arena.prompt import wording
    from arena.store.reader import RunReader

    words = wording()
    reader = RunReader(run)
    try:
        for episode in reader.episodes():
            if episode.key.contestant != contestant or episode.status != "done":
                continue
            lines = [words["goal"].format(goal=episode.goal).strip(), ""]
            for turn in reader.turns(episode):
                lines += [words["observation"].format(text=turn.observation)]
                lines += [words["action"].format(text=turn.reply)]
            yield "\n".join(lines)
    finally:
        reader.close()
