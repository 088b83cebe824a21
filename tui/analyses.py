"""The analyses of a run: where their documents lie, and what they say. A document is untrusted until read."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from arena.errors import ArenaError

DOCUMENT = "analysis.json"
"""What `arena analyze --out` calls its document."""

MOST_BYTES = 200_000_000
"""A document larger than this is not opened: it has a few numbers a matrix, and a histogram a position."""

Number = Annotated[float, Field(allow_inf_nan=False)]
ByK = Mapping[int, Mapping[str, Number | None]]
"""k -> name of a measure -> value."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Histogram(_Part):
    """How many logits lie between two neighbouring edges."""

    edges: list[Number]
    counts: list[Number]


class Matrix(_Part):
    """A weight matrix: `difference` is its effective rank less that of the base's."""

    layer: int | None = None
    kind: str = ""
    difference: Number | None = None


class Weights(_Part):
    """The weight matrices of a model."""

    matrices: list[Matrix] = []


class Model(_Part):
    """What was read off a model; empty where it was not asked for. Positions are tokens, from 0."""

    top_k: ByK = {}
    energy_at: Mapping[int, list[Number]] = {}
    logits_at: Mapping[int, Histogram] = {}
    weights: Weights | None = None


class Base(Model):
    """The model that the others are compared with."""

    name: str


class Correlation(_Part):
    """How a metric went with what the contestants lost in a score, with a 95 % interval."""

    metric: str
    score: str
    rho: Number | None = None
    low: Number | None = None
    high: Number | None = None


class Predictors(_Part):
    """The correlations, or the reason why there are none."""

    reason: str = ""
    contestants: list[str] = []
    tasks: int = 0
    correlations: list[Correlation] = []


class Read(_Part):
    """What the models have read: a text, or what a contestant of a run read and wrote."""

    text: str = ""
    run: str = ""
    contestant: str = ""
    tokens: int = 0


class Analysis(_Part):
    """A document of `arena analyze`, as far as the screen draws it."""

    base: Base
    models: Mapping[str, Model] = {}
    source: Read = Read()
    top_k_against_perplexity: ByK = {}
    predictors: Predictors = Predictors()


def find_analyses(run: Path) -> list[Path]:
    """Return the documents in a run's directory and in the folders in it, the newest first."""
    found = [run / DOCUMENT, *run.glob(f"*/{DOCUMENT}")]
    dated = [(path.stat().st_mtime, path) for path in found if path.is_file() and not path.is_symlink()]
    return [path for _, path in sorted(dated, reverse=True)]


def read_analysis(path: Path) -> Analysis:
    """Read a document. Raises `ArenaError` where it is none."""
    advice = "analyse the run again with `arena analyze`"
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ArenaError(f"{path} is larger than {MOST_BYTES / 1e6:.0f} MB", advice)
        return Analysis.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ArenaError(f"{path} can't be read: {error.strerror or error}", advice) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        at = f" at {where}" if where else ""
        raise ArenaError(f"{path} is no analysis{at}: {first['msg']}", advice) from error
