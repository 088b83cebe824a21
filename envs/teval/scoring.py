"""T-Eval's scores of one reply, for each ability, in string and in JSON form.

From T-Eval (teval/evaluators/): `faithful` reproduces what it makes of a file with this one record, with 0
where it stops with an error; `strict` mends what docs/scoring.md lists. Score names are the original's.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from envs.embedding import Encoder
from envs.teval.loading import lenient_load, literal
from envs.teval.marks import split_marked
from envs.workflow.graph import Scoring
from envs.workflow.matching import in_place, longest_rise, match

Form = Literal["str", "json"]
Scores = dict[str, float]

FORMS: Mapping[str, tuple[Form, ...]] = {
    "instruct": ("json", "str"),
    "plan": ("json", "str"),
    "reason": ("str",),
    "retrieve": ("str",),
    "understand": ("str",),
    "reason_retrieve_understand": ("json",),
    "review": ("str", "json"),
}
"""What is asked for; the JSON form of reason, retrieve and understand comes from one record."""

NAME_WEIGHT, ARGUMENTS_WEIGHT = 0.75, 0.25
MATCH_THRESHOLD = 0.8
MAX_STEPS = 200
FINISH = "FinishAction"
CHOICES = "ABCDE"

# the look-behind and the possessive quantifier change no match, they keep the time linear
_DOTTED = re.compile(r"(?<!\w)\w++\.\w+")


class _Stopped(Exception):
    """The original stops here with an error."""


@dataclass(frozen=True)
class Record:
    """A record of T-Eval, less its prompt. `meta` is what the original calls meta or meta_data."""

    ability: str
    form: Form
    ground_truth: Any
    meta: Mapping[str, Any]
    template: Mapping[str, Any]


def score(reply: str, record: Record, encoder: Encoder, scoring: Scoring = "faithful") -> Scores:
    """Return the reply's scores by name, each in 0..1; all 0 where the original stops with an error."""
    try:
        return _SCORERS[record.ability](reply, record, encoder, scoring == "strict")
    except (_Stopped, RecursionError, ValueError):  # a value too deep, or too long a number, to be written
        return dict.fromkeys(names(record.ability, record.form), 0.0)


def score_row(row: Mapping[str, Any], encoder: Encoder, scoring: Scoring = "faithful") -> Scores:
    """Score one recorded reply: a row as in T-Eval's files, with ability and form besides.

    Raises `ValueError` where a field is missing or of the wrong type.
    """
    if not isinstance(row.get("prediction"), str):
        raise ValueError("prediction must be a text")
    return score(row["prediction"], record_of(row), encoder, scoring)


def record_of(row: Mapping[str, Any]) -> Record:
    """Read a record. Raises `ValueError`, naming the field, where it is not one."""
    ability, form = row.get("ability"), row.get("form")
    if not isinstance(ability, str) or ability not in FORMS:
        raise ValueError(f"ability must be one of {', '.join(FORMS)}")
    if form not in FORMS[ability]:
        raise ValueError(f"form must be one of {', '.join(FORMS[ability])}")
    if "ground_truth" not in row:
        raise ValueError("ground_truth is missing")
    meta = row.get("meta_data") or row.get("meta") or {}
    template = row.get("template") or {}
    if not isinstance(meta, Mapping) or not isinstance(template, Mapping):
        raise ValueError("meta and template must be objects")
    gold = row["ground_truth"]
    if ability == "instruct":
        _check(isinstance(gold, Mapping) and isinstance(gold.get("args"), Mapping), "ground_truth.args")
        _check("action" in gold, "ground_truth.action")
        parts = ("thought", "action", "args")
        keys = parts if form == "json" else tuple(f"{p}_{end}" for p in parts for end in ("start", "end"))
        _check(all(isinstance(template.get(key), str) for key in keys), f"template ({', '.join(keys)})")
    if ability == "review":
        _check(isinstance(gold, Mapping) and "answer" in gold, "ground_truth.answer")
    if ability == "plan" and form == "str":
        tools = meta.get("API_list")
        _check(isinstance(tools, list) and all(isinstance(tool, str) for tool in tools), "meta.API_list")
    return Record(ability, form, gold, meta, template)


def _check(holds: bool, field: str) -> None:
    if not holds:
        raise ValueError(f"{field} is missing or of the wrong type")


def names(ability: str, form: Form) -> tuple[str, ...]:
    """Return the names of the scores of an ability in one form."""
    if ability == "instruct":
        word = "json" if form == "json" else "string"
        return f"{word}_format_metric", f"{word}_args_em_metric"
    return {
        "plan": ("precision", "recall", "f1_score", "parse_rate"),
        "reason": ("thought", "parse_rate"),
        "retrieve": ("name", "parse_rate"),
        "understand": ("args", "parse_rate"),
        "reason_retrieve_understand": ("thought", "name", "args", "parse_rate"),
        "review": ("parse_rate", "review_quality"),
    }[ability]


def headline(scores: Mapping[str, float]) -> float:
    """Return the one number of a reply: the mean of its scores that count for an ability's score.

    These are the format and the arguments of instruct, f1_score of plan, and of the others all but parse_rate
    (T-Eval, teval/utils/convert_results.py).
    """
    counted = [value for name, value in scores.items() if name not in ("parse_rate", "precision", "recall")]
    return sum(counted) / len(counted)


def overall(results: Mapping[tuple[str, Form], Mapping[str, float]]) -> dict[str, float]:
    """Return the score of each ability, the mean of its two forms, and `overall`, the mean of the six.

    `results` holds the mean of each score over all records of an (ability, form). An ability of which a form
    is missing is left out, and so is then `overall`; review has one form.
    """
    joint = results.get(("reason_retrieve_understand", "json"))
    forms: dict[str, tuple[float | None, float | None]] = {
        ability: (
            _mean_headline(results.get((ability, "str"))),
            _mean_headline(results.get((ability, "json"))),
        )
        for ability in ("instruct", "plan")
    }
    for ability, name in (("reason", "thought"), ("retrieve", "name"), ("understand", "args")):
        string = results.get((ability, "str"))
        forms[ability] = (string[name] if string else None, joint[name] if joint else None)
    review = results.get(("review", "str"))
    forms["review"] = (review["review_quality"],) * 2 if review else (None, None)
    scores = {
        ability: (first + second) / 2
        for ability, (first, second) in forms.items()
        if first is not None and second is not None
    }
    return scores | ({"overall": sum(scores.values()) / 6} if len(scores) == 6 else {})


def _mean_headline(scores: Mapping[str, float] | None) -> float | None:
    return headline(scores) if scores else None


def _rounded(value: float, strict: bool) -> float:
    # the original's evaluators of instruct and review round their means to four places
    return value if strict else round(value, 4)


def _instruct(reply: str, record: Record, encoder: Encoder, strict: bool) -> Scores:
    format_name, arguments_name = names(record.ability, record.form)
    read = _instruct_json if record.form == "json" else _instruct_string
    called = read(reply, record.template, strict)
    if called is None:
        return {format_name: 0.0, arguments_name: 0.0}
    action, arguments = called
    wanted: Mapping[str, Any] = record.ground_truth["args"]
    hits = int(action == record.ground_truth["action"])
    absent = object() if strict else ""  # the original lets a missing argument pass for an empty one
    hits += sum(arguments.get(name, absent) == value for name, value in wanted.items())
    return {format_name: 1.0, arguments_name: _rounded(hits / (len(wanted) + 1), strict)}


def _instruct_json(reply: str, template: Mapping[str, str], strict: bool) -> tuple[Any, dict] | None:
    try:
        loaded = lenient_load(reply)
    except ValueError:
        return None
    parts = ("thought", "action", "args")
    if not isinstance(loaded, dict) or any(template[part] not in loaded for part in parts):
        return None
    arguments = loaded[template["args"]]
    return loaded[template["action"]], arguments if isinstance(arguments, dict) else {}


def _instruct_string(reply: str, template: Mapping[str, str], strict: bool) -> tuple[str, dict] | None:
    try:
        parts = split_marked(reply, template, literal_marks=strict)
    except ValueError as error:
        raise _Stopped from error
    if parts is None:
        return None
    try:
        arguments = literal(parts.arguments.strip())
    except ValueError:
        arguments = {}
    return parts.action.strip(), arguments if isinstance(arguments, dict) else {}


def _plan(reply: str, record: Record, encoder: Encoder, strict: bool) -> Scores:
    gold = _steps(record.ground_truth)
    steps = _named_steps(reply, record.meta["API_list"]) if record.form == "str" else _steps(reply)
    if not steps or not gold:
        return {"precision": 0.0, "recall": 0.0, "f1_score": 0.0, "parse_rate": 0.0}
    steps, gold = _in_order(steps), _in_order(gold)
    if not steps or not gold:
        if strict:
            same = float(not steps and not gold)
            return {"precision": same, "recall": same, "f1_score": same, "parse_rate": 1.0}
        raise _Stopped  # the original takes the maximum of nothing, or divides by zero
    compared = steps[:MAX_STEPS]
    near = encoder.alikeness if strict else encoder.cosines
    alike = NAME_WEIGHT * near([step[1] for step in compared], [step[1] for step in gold])
    alike = alike + ARGUMENTS_WEIGHT * near([step[2] for step in compared], [step[2] for step in gold])
    matched, _ = match(in_place(alike, MATCH_THRESHOLD) if strict else alike, MATCH_THRESHOLD)
    # the original counts from 1 even where nothing matches
    hits = max(longest_rise(matched), 0 if strict else 1)
    precision, recall = hits / len(steps), hits / len(gold)
    f1 = 2 * recall * precision / (recall + precision) if hits else 0.0
    return {"precision": precision, "recall": recall, "f1_score": f1, "parse_rate": 1.0}


_Step = tuple[int, str, str]  # id, name, arguments


def _steps(text: Any) -> list[_Step]:
    try:
        loaded = lenient_load(text, "[", "]")
        if not isinstance(loaded, list):
            return []
        return [(int(step["id"]), str(step["name"]), str(step["args"])) for step in loaded]
    except (ArithmeticError, LookupError, TypeError, ValueError):
        return []


def _named_steps(reply: str, tools: Sequence[str]) -> list[_Step]:
    steps: list[_Step] = []
    for piece in reply.replace(". ", "\n").split("\n"):
        # the tool that is named first; of those that begin at the same place, the one listed first
        places = [(piece.find(tool), i) for i, tool in enumerate(tools) if tool and tool in piece]
        if places:
            steps.append((len(steps), tools[min(places)[1]], piece))
    return steps


def _in_order(steps: list[_Step]) -> list[_Step]:
    ordered = sorted(steps, key=lambda step: step[0])
    return ordered[:-1] if ordered[-1][1] == FINISH else ordered


def _thought_name_args(text: Any, form: Form) -> dict[str, Any]:
    try:
        loaded = lenient_load(text, "{", "}")
    except ValueError:
        return {}
    if not isinstance(loaded, dict):
        return {}
    arguments = loaded.get("args")
    if form == "json":
        arguments = arguments if isinstance(arguments, dict) else {}
    else:
        arguments = str(loaded["args"]) if "args" in loaded else ""
    return {
        "thought": str(loaded.get("thought", "")),
        "name": str(loaded.get("name", "")),
        "args": arguments,
    }


def _joint(reply: str, record: Record, encoder: Encoder, strict: bool) -> Scores:
    gold, ours = (_thought_name_args(text, "json") for text in (record.ground_truth, reply))
    if not gold or not ours:
        return dict.fromkeys(names(record.ability, record.form), 0.0)
    return {
        "thought": _thought(ours["thought"], gold["thought"], encoder, strict),
        "name": float(ours["name"] == gold["name"]),
        "args": _arguments(ours["args"], gold["args"], strict),
        "parse_rate": 1.0,
    }


def _arguments(ours: Mapping[Any, Any], gold: Mapping[Any, Any], strict: bool) -> float:
    if not gold or not ours:
        return float(not gold and not ours)
    same = sum(name in ours and str(ours[name]) == str(value) for name, value in gold.items())
    if strict:  # arguments that were not asked for count against a call
        return same / len(gold.keys() | ours.keys())
    return same / (len(gold) + 1e-5)


def _thought(ours: str, gold: str, encoder: Encoder, strict: bool) -> float:
    cosine = 1.0 if strict and ours == gold else encoder.cosine(ours, gold)
    return min(round(cosine, 9), 1.0) if strict else cosine


def _reason(reply: str, record: Record, encoder: Encoder, strict: bool) -> Scores:
    gold = _thought_name_args(record.ground_truth, "str")
    thought = _thought(reply, gold["thought"], encoder, strict) if gold else 0.0
    return {"thought": thought, "parse_rate": float(bool(reply.strip()) or not strict)}


def _retrieve(reply: str, record: Record, encoder: Encoder, strict: bool) -> Scores:
    gold = _thought_name_args(record.ground_truth, "str")
    named = [*_DOTTED.findall(reply), *([FINISH] if FINISH in reply else [])]
    right = bool(gold) and gold["name"] in reply and all(name == gold["name"] for name in named)
    if strict:  # a part of another word is not the name
        right = right and gold["name"] in named
    return {"name": float(right), "parse_rate": float(bool(reply.strip()) or not strict)}


def _understand(reply: str, record: Record, encoder: Encoder, strict: bool) -> Scores:
    gold = _thought_name_args(record.ground_truth, "str")
    same = bool(gold) and reply.strip("'").strip('"') == gold["args"]
    if strict and gold and not same:
        same = _equal_as_data(reply, gold["args"])
    return {"args": float(same), "parse_rate": float(bool(reply.strip()) or not strict)}


def _equal_as_data(text: str, other: str) -> bool:
    try:
        loaded = lenient_load(text, "{", "}")
        wanted = lenient_load(other, "{", "}")
        # nobody is told whether a number is wanted as one or as text: `97` is `"97"`, as for the JSON form
        return isinstance(loaded, dict) and isinstance(wanted, dict) and _as_text(loaded) == _as_text(wanted)
    except ValueError:
        return False


def _as_text(arguments: Mapping[Any, Any]) -> dict[str, str]:
    return {str(name): str(value) for name, value in arguments.items()}


def _review(reply: str, record: Record, encoder: Encoder, strict: bool) -> Scores:
    chosen = _review_json(reply) if record.form == "json" else _review_string(reply)
    gold = record.ground_truth["answer"]
    if strict and isinstance(chosen, dict) and isinstance(gold, bool):
        gold = {"review": gold}
    parsed = chosen is not None
    return {"parse_rate": float(parsed), "review_quality": float(parsed and chosen == gold)}


def _review_string(reply: str) -> str | None:
    answer = reply[reply.find(":") + 1 :].strip()
    return answer[0] if answer and answer[0] in CHOICES else None


def _review_json(reply: str) -> dict[str, Any] | None:
    try:
        loaded = lenient_load(reply)
    except ValueError:
        return None
    finished = loaded.get("is_finished") if isinstance(loaded, dict) else None
    return {"review": finished} if finished in (True, False) else None


_SCORERS: Mapping[str, Callable[[str, Record, Encoder, bool], Scores]] = {
    "instruct": _instruct,
    "plan": _plan,
    "reason": _reason,
    "retrieve": _retrieve,
    "understand": _understand,
    "reason_retrieve_understand": _joint,
    "review": _review,
}
