"""Paths as people type them."""

from pathlib import Path


def typed_path(text: str) -> Path:
    """Return the path that was typed, `~` being a home folder; of an unknown user, as it stands."""
    try:
        return Path(text).expanduser()
    except RuntimeError:  # there is no such user, or the user has no home
        return Path(text)
