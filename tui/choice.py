"""What a person has chosen to play, and with whom. Pure state: `screens.home` draws it."""

from dataclasses import dataclass

MOST_CONTESTANTS = 8


@dataclass
class Choice:
    """What to play (as `arena play` is told) and the contestants as typed; the first is the baseline."""

    what: str
    contestants: list[str]

    def tick(self, typed: str) -> bool:
        """Let a contestant play, or no longer; False where no more fit beside each other."""
        if typed in self.contestants:
            self.contestants.remove(typed)
        elif len(self.contestants) >= MOST_CONTESTANTS:
            return False
        else:
            self.contestants.append(typed)
        return True

    def make_baseline(self, typed: str) -> bool:
        """Put a contestant first; it is ticked where it was not. False where no more fit."""
        if typed not in self.contestants and not self.tick(typed):
            return False
        self.contestants.remove(typed)
        self.contestants.insert(0, typed)
        return True

    def place(self, typed: str) -> int | None:
        """Return a contestant's number (from 0) in the match; None where it is not ticked."""
        return self.contestants.index(typed) if typed in self.contestants else None
