"""Words that depend on a number."""


def counted(count: int, noun: str) -> str:
    """Return how many there are of something: `1 task`, `1,234 tasks`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
