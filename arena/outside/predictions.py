"""Prediction files of T-Eval and WorfBench: the benchmark's records with the model's replies beside them.

T-Eval (test.py): an object of records by id, each with `prediction`; the file's name, ABILITY_MODEL.json,
says of which ability (and model; else its folder's does).
WorfBench (node_eval.py, `gen_workflow`): a list of {query: the gold record, workflow: the reply}. Neither
holds scores of single replies, so they are computed here, by the scoring of ours that reproduces theirs.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from arena.outside.lines import BadLog, whole_file
from arena.outside.recorded import Recorded, list_of, object_of, text_of, whole
from arena.protocol import protocol
from arena.records import Turn

# what a file's name begins with -> ability and form; instruct tells its form in each record
_ABILITIES: Mapping[str, tuple[str, str]] = {
    "reason_retrieve_understand_json": ("reason_retrieve_understand", "json"),
    "rru_json": ("reason_retrieve_understand", "json"),
    "instruct": ("instruct", ""),
    "plan_json": ("plan", "json"),
    "plan_str": ("plan", "str"),
    "reason_str": ("reason", "str"),
    "retrieve_str": ("retrieve", "str"),
    "understand_str": ("understand", "str"),
    "review_str": ("review", "str"),
}
_YOUR_TURN = "Now it's your turn.\n"


def read_teval(path: Path, encoder: str | None = None) -> Iterator[Recorded]:
    """Yield the records of a T-Eval prediction file, scored. Raises `BadLog`."""
    from envs import embedding
    from envs.teval import scoring

    encode = embedding.encoder(encoder)
    ability, fixed_form = _ability(path)
    for index, value in object_of(whole_file(path), str(path), "it").items():
        place = f"{path}, record {index!a}"[:300]
        record = object_of(value, place, "it")
        reply = text_of(record.get("prediction"), place, "prediction")
        meta = record.get("meta_data")
        told = meta.get("response_format") if isinstance(meta, dict) else None
        form = fixed_form or ("json" if told == "json" else "str")
        row = record | {"ability": ability, "form": form}
        try:
            faithful = scoring.score_row(row, encode, "faithful")
            strict = scoring.score_row(row, encode, "strict")
        except ValueError as error:
            raise BadLog(f"{place}: {error}") from None
        subset = f"{'rru' if ability.startswith('reason_') else ability}-{form}"
        yield _one_step(
            _model(path),
            "teval",
            f"{subset}/{whole(index)}",
            _asked(record.get("origin_prompt")),
            reply,
            scoring.headline(faithful),
            faithful,
            _grading(faithful, strict, encode.name),
            readable=faithful.get("parse_rate", next(iter(faithful.values()))) > 0,
        )


def read_worfbench(path: Path, encoder: str | None = None) -> Iterator[Recorded]:
    """Yield the workflows of a WorfBench prediction file, scored. Raises `BadLog`."""
    from envs import embedding
    from envs.workflow import scoring
    from envs.workflow.graph import parse

    encode = embedding.encoder(encoder)
    for number, value in enumerate(list_of(whole_file(path), str(path), "it")):
        place = f"{path}, record {number}"
        record = object_of(value, place, "it")
        query = object_of(record.get("query"), place, "query")
        messages = list_of(query.get("conversations"), place, "query.conversations")
        gold = text_of(_content(messages[-1] if messages else None), place, "the last of query.conversations")
        reply = text_of(record.get("workflow"), place, "workflow")
        row = {"reply": reply, "gold": gold}
        by = {name: scoring.score_row(row, encode, name) for name in ("faithful", "strict")}
        flat = {name: _flat(scores) for name, scores in by.items()}
        kind = query.get("source")
        yield _one_step(
            # pred_traj/KIND/MODEL/graph_eval_two_shot.json
            path.resolve().parent.name,
            "worfbench",
            f"{whole(kind) if isinstance(kind, str) else path.resolve().parent.parent.name}/{number}",
            _asked(messages[:-1]),
            reply,
            scoring.headline(by["faithful"]),
            flat["faithful"],
            _grading(flat["faithful"], flat["strict"], encode.name),
            readable=parse(reply) is not None,
        )


def is_of_ability(path: Path) -> bool:
    """Tell whether a file's name begins with an ability of T-Eval."""
    return path.stem.startswith(tuple(_ABILITIES))


def _model(path: Path) -> str:
    # the files of one model, one for each ability, are one contestant's
    begin = next(each for each in _ABILITIES if path.stem.startswith(each))
    return path.stem.removeprefix(begin).strip("_-. ") or path.resolve().parent.name


def _ability(path: Path) -> tuple[str, str]:
    for begin, found in _ABILITIES.items():
        if path.stem.startswith(begin):
            return found
    raise BadLog(
        f"{path} looks like predictions of T-Eval, but its name doesn't say of which ability",
        f"begin the name with one of {', '.join(_ABILITIES)}",
    )


def _content(message: Any) -> Any:
    return message.get("content") if isinstance(message, dict) else None


def _asked(prompt: Any) -> str:
    """Return a prompt's messages as one text."""
    if isinstance(prompt, str):
        return whole(prompt)
    texts = [_content(each) for each in prompt] if isinstance(prompt, list) else []
    # WorfBench writes these words into its records where it shows examples
    return "\n\n".join(whole(text).removeprefix(_YOUR_TURN) for text in texts if isinstance(text, str))


def _flat(scores: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    return {f"{kind}_{name}": value for kind, found in scores.items() for name, value in found.items()}


def _grading(faithful: Mapping[str, float], strict: Mapping[str, float], encoder: str) -> dict[str, Any]:
    other = {name: value for name, value in strict.items() if abs(value - faithful.get(name, -1)) > 1e-6}
    return {"scoring": "faithful", "other": other, "encoder": encoder}


def _one_step(
    contestant: str,
    benchmark: str,
    index: str,
    asked: str,
    reply: str,
    headline: float,
    scores: Mapping[str, float],
    grading: Mapping[str, Any],
    *,
    readable: bool,
) -> Recorded:
    from envs.onestep import FULL_MARKS

    decision = protocol("whole").parse(reply)
    progress = 1.0 if headline >= FULL_MARKS else max(0.0, headline)
    turn = Turn(
        index=0,
        observation=asked,
        reply=reply,
        thought=decision.thought,
        action=decision.action,
        failure=decision.failure,
        outcome="",
        valid=readable,
        progress=progress,
        success=progress == 1.0,
    )
    return Recorded(
        contestant=whole(contestant),
        benchmark=benchmark,
        index=index,
        content=hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:16] if asked else "",
        turns=[turn],
        first_observation=asked,
        progress=progress,
        success=turn.success,
        has_grounding=True,
        grading={**grading, "scores": dict(scores)},
    )
