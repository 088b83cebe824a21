"""Samples of lm-evaluation-harness (EleutherAI): `samples_TASK_DATE.jsonl`, made with --log_samples.

A row is one document under one filter; the rows of a document become one episode, whose scores are named
`metric,filter` as in the harness's own results. The document's hash is what was asked. Rows of multiple
choice hold log-likelihoods and no reply: those episodes have no turns.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from arena.outside.lines import BadLog, values
from arena.outside.recorded import Recorded, as_number, object_of, whole
from arena.protocol import protocol
from arena.records import Turn

_NAME = re.compile(r"samples_(.+?)(?:_\d{4}-\d\d-\d\dT[\d.-]+)?\Z")
_NOT_SCORES = frozenset(
    {
        *("doc_id", "doc", "target", "arguments", "resps", "filtered_resps", "filter", "metrics"),
        *("doc_hash", "prompt_hash", "target_hash", "task_name", "schema_version"),
    }
)


def is_sample(row: Any) -> bool:
    """Tell whether a row is one of the harness's samples."""
    return isinstance(row, dict) and {"doc_id", "resps"} <= row.keys()


def read_lm_eval(path: Path, score: str | None = None) -> Iterator[Recorded]:
    """Yield a file's documents. `score` names what is their progress (default: the file's first score)."""
    named = _NAME.match(path.stem)
    benchmark = named[1] if named else path.stem
    scores, first_filter = _all_scores(path)
    chosen = score
    for line, row in values(path):
        place = f"{path}:{line}"
        index = _index(row, place)
        if row.get("filter") != first_filter:
            continue
        theirs = scores[index]
        chosen = chosen or next(iter(theirs), None)
        progress = _chosen(theirs, chosen)
        turns = _turns(row, place)
        yield Recorded(
            contestant=path.parent.name or path.stem,
            benchmark=benchmark,
            index=index,
            content=_content(row),
            turns=turns,
            first_observation=turns[0].observation if turns else _asked(row),
            progress=progress,
            success=progress == 1,
            theirs=theirs,
            grading={"by": chosen} if chosen else {},
            has_turns=bool(turns),
        )


def _chosen(theirs: Mapping[str, float], name: str | None) -> float | None:
    """Return the score of a name, which may leave the filter out."""
    if name is None:
        return None
    return next((value for each, value in theirs.items() if name in (each, each.partition(",")[0])), None)


def _all_scores(path: Path) -> tuple[dict[str, dict[str, float]], Any]:
    """Return the scores of each document under all filters, and the first filter of the file."""
    found: dict[str, dict[str, float]] = {}
    filters: list[Any] = []
    for line, row in values(path):
        place = f"{path}:{line}"
        scores = found.setdefault(_index(row, place), {})
        if not filters:
            filters.append(row.get("filter"))
        listed = row.get("metrics")
        names = (
            [name for name in listed if isinstance(name, str) and name in row]
            if isinstance(listed, list)
            else sorted(row.keys() - _NOT_SCORES)
        )
        for name in names:
            number = as_number(row[name], f"{place}, {name!a}")
            if number is not None:
                suffix = row.get("filter")
                scores[f"{name},{suffix}" if isinstance(suffix, str) and suffix != "none" else str(name)] = (
                    number
                )
    return found, filters[0] if filters else None


def _index(row: Any, place: str) -> str:
    doc_id = object_of(row, place, "a sample").get("doc_id")
    if isinstance(doc_id, bool) or not isinstance(doc_id, int | str):
        raise BadLog(f"{place}: doc_id is neither a number nor a text")
    return whole(str(doc_id))


def _content(row: Mapping[str, Any]) -> str:
    given = row.get("doc_hash")
    text = given if isinstance(given, str) else json.dumps(row.get("doc"), sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


def _asked(row: Mapping[str, Any]) -> str:
    """Return the first request's text: `{"gen_args_0": {"arg_0": TEXT}}`, formerly `[[TEXT, …]]`."""
    value = row.get("arguments")
    for key in ("gen_args_0", "arg_0"):
        if isinstance(value, dict):
            value = value.get(key)
        elif isinstance(value, list):
            value = value[0] if value else None
    return whole(value) if isinstance(value, str) else ""


def _turns(row: Mapping[str, Any], place: str) -> list[Turn]:
    reply = row.get("resps")
    for _ in range(2):
        reply = reply[0] if isinstance(reply, list) and reply else reply
    arguments = row.get("arguments")
    generated = isinstance(reply, str) and not _is_likelihood(row)
    if not generated:
        return []
    text = whole(str(reply))
    decision = protocol("whole").parse(text)
    return [
        Turn(
            index=0,
            observation=_asked({"arguments": arguments}),
            reply=text,
            thought=decision.thought,
            action=decision.action,
            failure=decision.failure,
            outcome="",
            valid=decision.action is not None,
            progress=0.0,
            success=False,
        )
    ]


def _is_likelihood(row: Mapping[str, Any]) -> bool:
    """Tell whether a row holds (log-likelihood, is greedy) pairs, which the harness writes as texts."""
    first = row.get("resps")
    for _ in range(2):
        pair = first[0] if isinstance(first, list) and first else None
        if isinstance(pair, list) and len(pair) == 2 and str(pair[1]) in ("True", "False"):
            return True
        first = pair
    return False
