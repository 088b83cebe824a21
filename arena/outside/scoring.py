"""Re-scoring what was recorded elsewhere: a row of a benchmark in, its scores by the original's names out."""

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from arena.errors import UsageError
from arena.outside.lines import rows

Scoring = Literal["faithful", "strict"]
Scores = dict[str, Any]

BENCHMARKS = ("longbench", "worfbench", "teval", "pddl", "longgen", "needle")


@dataclass(frozen=True)
class RowScorer:
    """Scores rows of one benchmark.

    `score(row, scoring)` returns the original's scores, and `score`, the one number of the row in 0..1; it
    raises `ValueError` where the row is not one. `encoder` names what texts are compared with, where they
    are; `scorings` are those that the benchmark has.
    """

    score: Callable[[Mapping[str, Any], Scoring], Scores]
    encoder: str | None = None
    scorings: tuple[Scoring, ...] = ("faithful", "strict")


@dataclass(frozen=True)
class ScoredRow:
    """A row's scores; `problem` says why it has none. `read_bytes` counts the file up to its end."""

    line: int
    scores: Scores
    problem: str
    read_bytes: int


def row_scorer(benchmark: str, encoder: str | None = None) -> RowScorer:
    """Return a benchmark's scorer. Raises `UsageError` for an unknown one, `EnvsError` for an encoder."""
    if benchmark not in BENCHMARKS:
        near = difflib.get_close_matches(benchmark, BENCHMARKS, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]}?" if near else f"it is one of {', '.join(BENCHMARKS)}"
        raise UsageError(f"replies of {benchmark!r} can't be re-scored", hint)
    makers = {"worfbench": _worfbench, "teval": _teval}
    if benchmark in makers:
        return makers[benchmark](encoder)
    return {"longbench": _longbench, "pddl": _pddl, "longgen": _longgen, "needle": _needle}[benchmark]()


def chosen(scoring: str | None) -> Scoring | None:
    """Return the scoring that was asked for, None for both. Raises `UsageError` for an unknown one."""
    match scoring:
        case None | "faithful" | "strict":
            return scoring
        case _:
            raise UsageError(f"--scoring {scoring!r} is not one of faithful, strict")


def scored_rows(path: Path, scorer: RowScorer, scoring: Scoring | None = None) -> Iterator[ScoredRow]:
    """Yield the scores of a file's rows in order; those of an unreadable row are `{"score": None}`.

    Raises `UsageError` where the file can't be opened, `EnvsError` where a package or data set is missing.
    """
    for row in rows(path):
        problem, scores = row.problem, Scores(score=None)
        if not problem:
            try:
                scores = score_row(row.value, scorer, scoring)
            except ValueError as error:
                problem = str(error)
        yield ScoredRow(row.line, scores, problem, row.read_bytes)


def score_row(row: Any, scorer: RowScorer, scoring: Scoring | None = None) -> Scores:
    """Return a row's scores, and which scoring and encoder gave them; with both, strict ones beside faithful.

    Raises `ValueError`, saying what is wrong with the row.
    """
    if not isinstance(row, Mapping):
        raise ValueError("a row must be an object")
    first = scoring if scoring in scorer.scorings else scorer.scorings[0]
    scores = scorer.score(row, first) | {"scoring": first}
    if scorer.encoder:
        scores["encoder"] = scorer.encoder
    if scoring is None and len(scorer.scorings) > 1:
        scores["strict"] = scorer.score(row, "strict")
    return scores


def _worfbench(encoder_name: str | None) -> RowScorer:
    from envs.embedding import encoder
    from envs.workflow import scoring as workflow

    encode = encoder(encoder_name)

    def score(row: Mapping[str, Any], scoring: Scoring) -> Scores:
        scores = workflow.score_row(row, encode, scoring)
        return {"score": workflow.headline(scores), **scores}

    return RowScorer(score, encode.name)


def _teval(encoder_name: str | None) -> RowScorer:
    from envs.embedding import encoder
    from envs.teval import scoring as teval

    encode = encoder(encoder_name)

    def score(row: Mapping[str, Any], scoring: Scoring) -> Scores:
        scores = teval.score_row(row, encode, scoring)
        return {"score": teval.headline(scores), "scores": scores}

    return RowScorer(score, encode.name)


def _longbench() -> RowScorer:
    from envs.longbench.metrics import score_row

    return RowScorer(lambda row, scoring: dict(score_row(row, scoring)))


def _pddl() -> RowScorer:
    from envs.pddl.scoring import score_row

    def score(row: Mapping[str, Any], scoring: Scoring) -> Scores:
        scores = score_row(row)
        turns = scores["turns"]
        return {"score": turns[-1]["progress"] if turns else 0.0, **scores}

    return RowScorer(score, scorings=("faithful",))


def _longgen() -> RowScorer:
    from envs.longgen.scoring import score_row

    def score(row: Mapping[str, Any], scoring: Scoring) -> Scores:
        scores = score_row(row, scoring)
        return {"score": scores["accuracy"], **scores}

    return RowScorer(score)


def _needle() -> RowScorer:
    from envs.needle.scoring import score_row

    def score(row: Mapping[str, Any], scoring: Scoring) -> Scores:
        scores = score_row(row, scoring)
        return {"score": scores["rouge1"] / 10, **scores}

    return RowScorer(score)
