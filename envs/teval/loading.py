"""Reading what a model wrote as data, as leniently as T-Eval does, without ever running it."""

import ast
import json
import warnings
from typing import Any

MAX_CHARS = 200_000
_TURN_MARKS = (
    "<eoa>",
    "<TOKENS_UNUSED_1>",
    "<|im_end|>",
    "\nuser",
    "\nassistant",
    "\nUSER",
    "[INST]",
    "<|user|>",
)
_FENCE = "```json"


def as_recorded(reply: str) -> str:
    """Return a model's reply as T-Eval's own program writes it down for its evaluators.

    It ends where a mark says that the turn ends or the other side's begins; blanks, a ```json fence at the
    beginning and backticks at both ends go. From T-Eval (test.py, split_special_tokens).
    """
    for mark in _TURN_MARKS:
        reply = reply.partition(mark)[0]
    return reply.strip().removeprefix(_FENCE).strip("`").strip()


def lenient_load(text: Any, first: str = "", last: str = "") -> Any:
    """Return the value that `text` holds; what is not a text comes back as it is.

    What stands before a ```json fence is cut off, then what stands before the first `first` and behind the
    last `last`, where given. The rest is read as a Python literal, as JSON, or as JSON with its single quotes
    made double, whichever succeeds first. Raises `ValueError` where none does.

    From T-Eval (teval/utils/format_load.py), slices included: where `first` is missing, the text's last
    character is all that is left.
    """
    if not isinstance(text, str):
        return text
    if _FENCE in text:
        text = text[text.find(_FENCE) + len(_FENCE) :].strip("`")
    if first:
        text = text[text.find(first) :]
    if last:
        text = text[: text.rfind(last) + len(last)]
    for read in (literal, _json, lambda raw: _json(raw.replace("'", '"'))):
        try:
            return read(text)
        except ValueError:
            continue
    raise ValueError("neither a Python literal nor JSON")


def literal(text: str) -> Any:
    """Read a Python literal. Raises `ValueError` for anything else, and for what is too long or too deep."""
    if len(text) > MAX_CHARS:
        raise ValueError("too long")
    try:
        with warnings.catch_warnings():  # "\d" in a reply is no news
            warnings.simplefilter("ignore")
            return ast.literal_eval(text)
    except (SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise ValueError(str(error)) from None


def _json(text: str) -> Any:
    if len(text) > MAX_CHARS:
        raise ValueError("too long")
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError(str(error)) from None
