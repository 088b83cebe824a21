"""AgentBoard's PDDL problems, read from the user's copy: `DOMAIN/*.pddl`, numbered by sorted file name."""

import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Literal

from envs.datasets import how_to_import, official_folder
from envs.errors import BadData, MissingData
from envs.pddl import DOMAINS
from envs.pddl.parsing import ANYTHING, atom, conjuncts, parse
from envs.pddl.problem import Problem, problem

MAX_FILE_BYTES = 512 * 1024


def official_problems() -> Iterator[tuple[str, str, Problem]]:
    """Yield domain, file name and problem of each official problem, in AgentBoard's order.

    Raises `MissingData` where a domain's folder or its problems are absent, `BadData` where a file can't be
    read or holds no problem of its domain.
    """
    root = official_folder("pddl")
    for name in DOMAINS:
        paths = sorted((root / name).glob("*.pddl"))
        if not paths:
            raise MissingData(
                f"there are no problems in {root / name}",
                how_to_import("pddl"),
            )
        for path in paths:
            yield name, path.name, read_problem(path, name)


def difficulty(domain_name: str, file_name: str) -> Literal["easy", "hard"]:
    """Return AgentBoard's label of a problem; other problems count as hard."""
    return "easy" if file_name in _labels().get(domain_name, ()) else "hard"


@cache
def _labels() -> dict[str, list[str]]:
    return tomllib.loads(files("envs.pddl").joinpath("easy_problems.toml").read_text("utf-8"))


def read_problem(path: Path, domain_name: str) -> Problem:
    """Read a problem file of a domain; its letters are taken as lower-case, as pddlgym does.

    Raises `BadData`, naming the file, whatever is wrong with it.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
        if len(raw) > MAX_FILE_BYTES:
            raise BadData(f"it is larger than {MAX_FILE_BYTES} bytes")
        return parse_problem(raw.decode("utf-8").lower(), domain_name)
    except (OSError, UnicodeDecodeError) as error:
        raise BadData(f"{path} can't be read: {error}") from None
    except BadData as error:
        raise BadData(f"{path} is no {domain_name} problem: {error.message}", error.next_step) from None


def parse_problem(text: str, domain_name: str) -> Problem:
    """Read a problem in PDDL. Raises `BadData` where it is not one, or not one of the domain."""
    parsed = parse("problem", text)
    return problem(
        domain_name,
        {str(each.name): str(each.type_tag or ANYTHING) for each in parsed.objects},
        map(atom, parsed.init),
        map(atom, conjuncts(parsed.goal)),
    )
