"""Sentence encoders, by name: what WorfBench and T-Eval compare texts with.

| name | what it is |
|---|---|
| `all-mpnet-base-v2` | the originals' encoder, by sentence-transformers; never downloaded by a default |
| `wordllama` | small static embeddings whose weights lie in the package's wheel; the offline default |
| `hashing` | counts words in 512 hashed places, knows no synonyms; for tests and for want of another |

A score means nothing without the encoder's name, so results carry it. Models are loaded on first use.
"""

import re
import threading
import zlib
from collections.abc import Callable, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from envs.errors import EnvsError, MissingPackage

Vectors = NDArray[np.float64]

OFFICIAL = "all-mpnet-base-v2"
NAMES = ("hashing", "wordllama", OFFICIAL)

HASHING_DIMENSIONS = 512
MAX_REMEMBERED_TEXTS = 20_000
MAX_TEXT_CHARS = 100_000
"""Longer texts are cut before they are encoded: every encoder here has forgotten the rest by then anyhow."""

_WORD = re.compile(r"[a-z0-9]+")
_EXTRA = "pip install 'arena[embed]'"


class Encoder:
    """Turns texts into vectors of length 1 (or 0, for a text with nothing in it); remembers what it has seen.

    Thread-safe. `name` is one of `NAMES` (or the name that another maker gave it).
    """

    def __init__(self, name: str, encode: Callable[[Sequence[str]], Vectors]) -> None:
        self.name = name
        self._encode = encode
        self._seen: dict[str, Vectors] = {}
        self._lock = threading.Lock()

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of `texts`, shape (texts, dimensions)."""
        cut = [text[:MAX_TEXT_CHARS] for text in texts]
        with self._lock:
            new = [text for text in dict.fromkeys(cut) if text not in self._seen]
            if new:
                if len(self._seen) + len(new) > MAX_REMEMBERED_TEXTS:
                    self._seen = {text: self._seen[text] for text in cut if text in self._seen}
                self._seen |= zip(new, _unit(self._encode(new)), strict=True)
            return np.stack([self._seen[text] for text in cut]) if cut else np.zeros((0, 1))

    def cosines(self, texts: Sequence[str], others: Sequence[str]) -> Vectors:
        """Return the cosine of each text with each other text, cut at 0; shape (texts, others)."""
        if not texts or not others:
            return np.zeros((len(texts), len(others)))
        return np.maximum(self(texts) @ self(others).T, 0.0)

    def alikeness(self, texts: Sequence[str], others: Sequence[str]) -> Vectors:
        """Return the cosines, and 1 for equal texts, of which some have no vector: `{}` has no word."""
        equal = np.array([[text == other for other in others] for text in texts], dtype=float)
        return np.maximum(self.cosines(texts, others), equal.reshape(len(texts), len(others)))

    def cosine(self, text: str, other: str) -> float:
        """Return the cosine of two texts, cut at 0."""
        return float(self.cosines([text], [other])[0, 0])


@cache
def encoder(name: str | None = None) -> Encoder:
    """Return an encoder by name; without one, the best that works here without a network.

    Raises `EnvsError` for an unknown name, `MissingPackage` where its package or its weights are absent.
    """
    if name is None:
        return encoder(default_name())
    makers = {"hashing": _hashing, "wordllama": _wordllama, OFFICIAL: _mpnet}
    short = name.removeprefix("sentence-transformers/")
    if short not in makers:
        error = EnvsError(f"no encoder is called {name!r}", f"encoders: {', '.join(NAMES)}")
        error.exit_code = 2
        raise error
    return Encoder(short, makers[short]())


def default_name() -> str:
    """Return the name of the best encoder that works without a network; loads none."""
    if find_spec("sentence_transformers") and _is_cached(f"sentence-transformers/{OFFICIAL}"):
        return OFFICIAL
    return "wordllama" if find_spec("wordllama") else "hashing"


def _is_cached(repository: str) -> bool:
    from huggingface_hub import try_to_load_from_cache

    return isinstance(try_to_load_from_cache(repository, "config.json"), str)


def _unit(vectors: Vectors) -> Vectors:
    vectors = np.nan_to_num(np.asarray(vectors, dtype=np.float64))
    norms = np.sqrt((vectors * vectors).sum(axis=1, keepdims=True))
    return vectors / np.maximum(norms, 1e-12)


def _hashing() -> Callable[[Sequence[str]], Vectors]:
    def encode(texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), HASHING_DIMENSIONS))
        for row, text in zip(vectors, texts, strict=True):
            for word in _WORD.findall(text.lower()):
                row[zlib.crc32(word.encode()) % HASHING_DIMENSIONS] += 1
        return vectors

    return encode


def _wordllama() -> Callable[[Sequence[str]], Vectors]:
    if find_spec("wordllama") is None:
        raise MissingPackage("the encoder wordllama is not installed", _EXTRA)
    import wordllama

    # 0.4.0 looks for its tokenizer in a folder that the wheel names otherwise; as a cache folder it is found
    model = wordllama.WordLlama.load(cache_dir=Path(wordllama.__file__).parent, disable_download=True)

    def encode(texts: Sequence[str]) -> Vectors:
        # an empty text has no tokens, hence no mean; half a character is none
        return model.embed([text.encode("utf-8", "replace").decode() or " " for text in texts], norm=True)

    return encode


def _mpnet() -> Callable[[Sequence[str]], Vectors]:
    if find_spec("sentence_transformers") is None:
        raise MissingPackage(f"the encoder {OFFICIAL} needs sentence-transformers", _EXTRA)
    from sentence_transformers import SentenceTransformer

    try:
        model = SentenceTransformer(f"sentence-transformers/{OFFICIAL}")
    except OSError as error:
        raise MissingPackage(
            f"the weights of {OFFICIAL} are not on this machine and can't be fetched: {error}"[:300],
            "use --encoder wordllama, or fetch them where there is a network",
        ) from error

    def encode(texts: Sequence[str]) -> Vectors:
        whole = [text.encode("utf-8", "replace").decode() for text in texts]
        return model.encode(whole, convert_to_numpy=True, show_progress_bar=False)

    return encode
