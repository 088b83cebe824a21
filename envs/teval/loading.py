"""Reading what a model wrote as data, as leniently as T-Eval does, without ever running it."""

import ast
import json
import warnings
from typing import Any

MAX_CHARS = 200_000


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
    if "```json" in text:
        text = text[text.find("```json") + len("```json") :].strip("`")
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
