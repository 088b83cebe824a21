"""Compile our stories: `python envs/jericho/build_stories.py` writes `stories/*.z5` from `stories/*.inf`.

Needs Inform 6.41 and its library 6.12.6 (Debian: inform6-compiler, inform6-library), whose routines become
part of the story files; see stories/NOTICE.md. The same source gives the same bytes.
"""

import shutil
import subprocess
import sys
from pathlib import Path

STORIES = Path(__file__).with_name("stories")
LIBRARY = Path("/usr/share/inform6/library")


def compiler() -> str | None:
    """Return the Inform 6 compiler of this machine, or None where it or its library is missing."""
    return shutil.which("inform6") if LIBRARY.is_dir() else None


def build(source: Path, target: Path) -> None:
    """Compile one story. Raises `CalledProcessError` where the source has an error."""
    inform = compiler()
    assert inform, "the Inform 6 compiler is not installed"
    # version 5, no run-time checks
    command = [inform, f"+include_path={LIBRARY}", "-v5", "-~S", str(source), str(target)]
    subprocess.run(  # noqa: S603 - our own sources, the compiler's own name
        command, check=True, cwd=source.parent, stdout=subprocess.DEVNULL
    )


def main() -> int:
    """Compile all stories."""
    if compiler() is None:
        sys.stderr.write("needs Inform 6: apt-get install inform6-compiler inform6-library\n")
        return 1
    for source in sorted(STORIES.glob("*.inf")):
        build(source, source.with_suffix(".z5"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
