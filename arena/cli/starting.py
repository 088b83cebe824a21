"""A word on the terminal while what draws the screen is imported: a loaded machine takes seconds for it."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def starting() -> Iterator[None]:
    """Say at once that Arena starts; the line is gone when the screen is closed."""
    import sys

    if not sys.stderr.isatty():  # a file or a pipe: what can't be wiped away is not written
        yield
        return
    sys.stderr.write("arena is starting …")
    sys.stderr.flush()
    try:
        yield
    finally:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()
