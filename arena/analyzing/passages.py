"""What models read in an analysis: passages, token by token, and the windows of a text file."""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from arena.analyzing.models import begins_with
from arena.errors import UsageError
from compress.calibration import bundled_calibration

OVERALL = "all"
"""The group of the tokens that count in a model's own numbers."""
_PIECE_CHARS = 1 << 16


@dataclass(frozen=True)
class Passage:
    """A sequence of tokens that begins a context, and which of its tokens count where.

    `groups` are masks [tokens] by name (`all`, `part:tool name`, …): a model's prediction of a token counts
    in the groups whose mask is True there. The first token is predicted from nothing and never counts.
    """

    tokens: NDArray[np.int64]
    groups: Mapping[str, NDArray[np.bool_]]

    @property
    def first_counted(self) -> int:
        """Index of the first token that counts anywhere."""
        counted = np.zeros(len(self.tokens), dtype=bool)
        for mask in self.groups.values():
            counted |= mask
        counted[0] = False
        return int(counted.argmax()) if counted.any() else len(self.tokens)


def windows(text: IO[str], tokenizer: Any, window_tokens: int, most_tokens: int) -> Iterator[Passage]:
    """Yield a text as windows of `window_tokens` tokens, one after another, until `most_tokens` are read.

    Each begins with what the tokenizer puts before a text. The text is read piece by piece, cut at line ends;
    of its end, a window of less than two tokens is left out.
    """
    prefix = begins_with(tokenizer)
    length = window_tokens - len(prefix)
    kept: list[int] = []
    read = 0
    for piece in _pieces(text):
        kept += tokenizer(piece, add_special_tokens=False).input_ids
        while len(kept) >= length and read + window_tokens <= most_tokens:
            yield _counting_all([*prefix, *kept[:length]])
            read += window_tokens
            kept = kept[length:]
        if read + window_tokens > most_tokens:
            break
    rest = kept[: max(0, min(length, most_tokens - read - len(prefix)))]
    if len(prefix) + len(rest) > 1 and rest:
        yield _counting_all([*prefix, *rest])


def text_windows(
    file: Path | None, tokenizer: Any, window_tokens: int, most_tokens: int
) -> Iterator[Passage]:
    """Yield the windows (`windows`) of a text file, None meaning the calibration text that ships with Arena.

    Raises `UsageError` where there is nothing to read.
    """
    found = 0
    try:
        with _open(file) as text:
            for passage in windows(text, tokenizer, window_tokens, most_tokens):
                found += 1
                yield passage
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is no text in UTF-8: {error}") from None
    except OSError as error:
        raise UsageError(f"{file} can't be read: {error.strerror or error}") from None
    if not found:
        raise UsageError(f"{file} holds no text to read: less than two tokens")


def _open(file: Path | None) -> IO[str]:
    if file is not None:
        return file.open(encoding="utf-8")
    return io.StringIO("\n\n\n".join(bundled_calibration().texts))


def batches(passages: Iterator[Passage], batch_tokens: int) -> Iterator[list[Passage]]:
    """Yield passages together that have the same length and count from the same token on."""
    batch: list[Passage] = []
    for passage in passages:
        fits = batch and (len(batch) + 1) * len(passage.tokens) <= batch_tokens
        alike = batch and _shape(batch[0]) == _shape(passage)
        if batch and not (fits and alike):
            yield batch
            batch = []
        batch.append(passage)
    if batch:
        yield batch


def _shape(passage: Passage) -> tuple[int, int]:
    return len(passage.tokens), passage.first_counted


def _counting_all(tokens: list[int]) -> Passage:
    return Passage(np.asarray(tokens, dtype=np.int64), {OVERALL: np.ones(len(tokens), dtype=bool)})


def _pieces(text: IO[str]) -> Iterator[str]:
    """Yield a text in pieces that end at line ends, or where a line is longer than a piece."""
    while piece := text.read(_PIECE_CHARS):
        if len(piece) == _PIECE_CHARS and not piece.endswith("\n"):
            piece += text.readline(_PIECE_CHARS)
        yield piece
