"""Guesses at a reply's next tokens: what followed its last ones where they stood before in the text.

This is prompt lookup decoding (Saxena 2023). An agent's reply repeats the form of its last calls and names
from its observations. A step that reads some guessed tokens beside a known one takes hardly longer, and says
of each whether the model would have written it; the others are thrown away: no reply is another for it, but
for what 16 bits round otherwise when tokens are read together, as they do with other replies beside.
"""

from collections.abc import Sequence

_LENGTHS = (4, 2)
"""So many last tokens are looked up; the most telling first."""
_FIRST_TRUST = 4
_MOST_TRUST = 8


class Guesser:
    """Guesses at what comes behind `ids`, a list that grows; `trust` is how many tokens at most."""

    def __init__(self, ids: Sequence[int]) -> None:
        self.trust = _FIRST_TRUST
        self._ids = ids
        self._indexed = 0
        self._followed: dict[tuple[int, ...], int] = {}

    def guess(self, most: int) -> list[int]:
        """Return at most so many tokens, none where the last ones never stood before."""
        self._index()
        for length in _LENGTHS:
            place = self._followed.get(tuple(self._ids[-length:]))
            if place is not None:
                return self._from(place, min(most, self.trust))
        return []

    def learn(self, guessed: int, right: int) -> None:
        """Trust more in what was all right, and less in what was not."""
        if guessed:
            self.trust = min(2 * self.trust, _MOST_TRUST) if right == guessed else max(1, right)

    def _from(self, place: int, count: int) -> list[int]:
        """Return the tokens from `place` on; behind the last one, those that are guessed (a loop goes on)."""
        found = list(self._ids[place : place + count])
        period = len(self._ids) - place
        while len(found) < count:
            found.append(found[-period])
        return found

    def _index(self) -> None:
        """Note the place behind each few tokens, the latest of the same; not behind the very last ones."""
        ids = self._ids
        for place in range(self._indexed, len(ids)):
            for length in _LENGTHS:
                if length <= place:
                    self._followed[tuple(ids[place - length : place])] = place
        self._indexed = len(ids)
