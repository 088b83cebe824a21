"""AgentBoard's Jericho tasks, from the user's copy of the labels and of the games.

Files, in the folder that `envs.datasets.official_folder` names: the labels, `test.jsonl`, and the games, as
`NAME.z3` … `NAME.z8` beside it or in `games/`. A label has goal, subgoals (texts) and difficulty; its game is
named by `game_name` or `env_name`, in the record or in its additional_info, or else by its place among the 20
(AgentBoard pairs labels and games by order: eval_configs/main_results_all_tasks.yaml). AgentBoard's code also
holds opening texts, written by hand; here an episode begins with `init_obs` of the label (or of its
additional_info), where it has one, and otherwise with what the game itself says.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from envs.base import Task
from envs.datafile import json_lines
from envs.datasets import how_to_import, official_folder
from envs.errors import BadData, MissingData, MissingPackage
from envs.jericho import scoring
from envs.jericho.tasks import MAX_STEPS, md5

MEND = "pip install 'arena[jericho]'"
GAMES = (
    *("905", "acorncourt", "afflicted", "balances", "dragon", "jewel", "library", "omniquest", "reverb"),
    *("snacktime", "zenon", "zork1", "zork2", "zork3", "detective", "night", "pentari", "weapon"),
    *("huntdark", "loose"),
)
"""The games in the order of AgentBoard's labels."""
_SEED_WHERE_NONE_IS_KNOWN = 1
_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")


def official_tasks() -> list[Task]:
    """Return the tasks of all labels whose games are there.

    Raises `MissingData` where there are no labels or no games, `BadData` where a label is broken or a game is
    not a version that jericho knows (scores of others could not be compared), `MissingPackage`.
    """
    folder = official_folder("jericho")
    labels = folder / "test.jsonl"
    if not labels.is_file():
        raise MissingData(f"{labels} is missing: AgentBoard's labels", how_to_import("jericho"))
    known = _known_games()
    counts: Counter[str] = Counter()
    listed = []
    for index, (line, record) in enumerate(json_lines(labels)):
        place = f"{labels}:{line}"
        name = _game(record, index, place)
        goal, subgoals = _label(record, place)
        path = _find(folder, name)
        if path is None:
            continue
        data: dict[str, Any] = {"story": name, "md5": md5(path), "subgoals": subgoals}
        if data["md5"] not in known:
            raise BadData(
                f"{path} is no version of a game that jericho knows (MD5 {data['md5']})",
                "take it from BYU-PCCL/z-machine-games, folder jericho-game-suite",
            )
        if opening := _text(record, "init_obs"):
            data["opening"] = opening
        seed = known[data["md5"]]
        listed.append(
            Task(
                id=f"jericho/{name}/{counts[name]}",
                benchmark="jericho",
                subset=name,
                source="official",
                seed=_SEED_WHERE_NONE_IS_KNOWN if seed is None else seed,
                max_steps=MAX_STEPS,
                difficulty=record["difficulty"],
                data=data,
                goal=goal,
            )
        )
        counts[name] += 1
    if not listed:
        raise MissingData(
            f"{folder} holds none of the games that {labels.name} is about",
            how_to_import("jericho"),
        )
    return listed


def official_file(story: str) -> Path:
    """Return the file of one of the user's games. Raises `MissingData` where it is not there."""
    folder = official_folder("jericho")
    path = _find(folder, story) if _NAME.fullmatch(story) else None
    if path is None:
        raise MissingData(f"the game {story!r} is not in {folder}", how_to_import("jericho"))
    return path


def _known_games() -> Mapping[str, int | None]:
    """Return the MD5 hash of every game that jericho knows, with the seed of its walkthrough."""
    if find_spec("jericho") is None:
        raise MissingPackage("the package jericho is not installed", MEND)
    from jericho.defines import BINDINGS_DICT

    return {known_md5: game.get("seed") for known_md5, game in BINDINGS_DICT.items()}


def _find(folder: Path, name: str) -> Path | None:
    for place in (folder / "games", folder):
        for path in sorted(place.glob(f"{name}.z[3-8]")):
            if path.is_file():
                return path
    return None


def _label(record: Mapping[str, Any], place: str) -> tuple[str, Sequence[str]]:
    goal, subgoals = record.get("goal"), record.get("subgoals")
    if not isinstance(goal, str) or record.get("difficulty") not in ("easy", "hard"):
        raise BadData(f"{place} lacks a goal, or a difficulty that is easy or hard")
    if not isinstance(subgoals, list) or not subgoals:
        raise BadData(f"{place}: subgoals are not a list of texts")
    if not all(isinstance(subgoal, str) and scoring.bare(subgoal).strip() for subgoal in subgoals):
        raise BadData(f"{place}: a subgoal is no text with letters or digits, so anything would reach it")
    return goal, subgoals


def _game(record: Any, index: int, place: str) -> str:
    if not isinstance(record, dict):
        raise BadData(f"{place} is not a record")
    name = _text(record, "game_name") or _text(record, "env_name")
    if not name and index < len(GAMES):
        name = GAMES[index]
    if not _NAME.fullmatch(name):
        raise BadData(f"{place} does not say which game it is about")
    return name


def _text(record: Mapping[str, Any], field: str) -> str:
    info = record.get("additional_info")
    for holder in (record, info):
        if isinstance(holder, dict) and isinstance(holder.get(field), str):
            return holder[field]
    return ""
