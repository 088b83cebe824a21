"""Options as typed on a command line, `name=value`, and the Python values that they mean."""

import difflib
import inspect
import json
import re
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any, get_args, get_origin

from pydantic import TypeAdapter, ValidationError

from arena.engines.api_key import SET_KEY
from arena.errors import UsageError

_COMMA = re.compile(r"(?<!\\),")
_SECRET = re.compile(
    # a slip of max_tokens or its like is no secret
    r"(?!(max|context|thought|filler|result)_token$)"
    r".*(token|key|sig|signature|secret|password|passwd|authorization)",
    re.IGNORECASE | re.DOTALL,
)


def split_at_commas(text: str) -> list[str]:
    r"""Split at commas, except where `\,` says that a comma is meant."""
    return [piece.replace("\\,", ",") for piece in _COMMA.split(text)]


def read_options(pieces: Iterable[str], owner: str) -> dict[str, str]:
    """Return `name=value` pieces as a dict; where a name is given twice, the later value holds.

    Raises `UsageError` for pieces of another form and for secrets, neither of which it repeats: a secret must
    not reach a log.
    """
    options = {}
    for place, piece in enumerate(pieces, start=1):
        name, equals, value = piece.partition("=")
        if not equals or not name:
            raise UsageError(
                f"option {place} of {owner} has not the form name=value", "write a comma that is meant as \\,"
            )
        refuse_secret(name)
        options[name] = value
    return options


def refuse_secret(name: str) -> None:
    """Raise `UsageError` where an option's name says that its value is a secret."""
    if _SECRET.fullmatch(name):
        raise UsageError(
            "an API key can't be part of a contestant: contestants are recorded with the run", SET_KEY
        )


def options_of(factory: Callable[..., Any]) -> dict[str, Any] | None:
    """Return the keyword-only options that a class or function takes, name -> type; None where any will do.

    A parameter without annotation has the type of its default, or is text.
    """
    called = factory.__init__ if inspect.isclass(factory) else factory
    hints = typing.get_type_hints(called, include_extras=True)
    found = {}
    for name, parameter in inspect.signature(factory).parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            return None
        if parameter.kind is parameter.KEYWORD_ONLY:
            has_value = parameter.default not in (None, parameter.empty)
            found[name] = hints.get(name, type(parameter.default) if has_value else str)
    return found


def typed(name: str, value: Any, annotation: Any) -> Any:
    r"""Return an option's value as the type that `annotation` names; text is read as that type.

    A list (`stop`) is written as JSON, `["a"\, "b"]`; any other text is a list of one. Raises `UsageError`.
    """
    if isinstance(value, str) and get_origin(_bare(annotation)) in (tuple, list):
        value = _listed(name, value)
    if not all(_is_text(each) for each in (value if isinstance(value, list | tuple) else (value,))):
        raise UsageError(f"option {name} holds half a character", "write it as UTF-8")
    try:
        return TypeAdapter(annotation).validate_python(value)
    except ValidationError as error:
        raise UsageError(f"option {name}={value!s:.80}: {error.errors()[0]['msg']}") from None


def unknown_option(name: str, owner: str, known: Iterable[str]) -> UsageError:
    """Return the error that says which options there are, the nearest ones first."""
    return UsageError(f"{owner} has no option {name!r}", nearest(name, known, "options"))


def nearest(name: str, known: Iterable[str], what: str) -> str:
    """Return a hint: the names that `name` begins or is nearest to, or all of them as a list of `what`."""
    names = list(known)
    begun = [each for each in names if name and each.startswith(name)][:3]
    near = begun or difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    return f"did you mean {', '.join(near)}?" if near else f"{what}: {', '.join(names)}"


def _listed(name: str, value: str) -> list[Any]:
    if not value.startswith("["):
        return [value]
    try:
        read: list[Any] = json.loads(value)
    except (ValueError, RecursionError):
        raise UsageError(f"option {name} begins with [ but is no JSON list") from None
    return read


def _is_text(value: Any) -> bool:
    """Return whether a value can be written as UTF-8: JSON may hold halves of a character."""
    try:
        str(value).encode()
    except UnicodeEncodeError:
        return False
    return True


def _bare(annotation: Any) -> Any:
    return get_args(annotation)[0] if get_origin(annotation) is typing.Annotated else annotation


def typed_all(options: Mapping[str, Any], known: Mapping[str, Any] | None, owner: str) -> dict[str, Any]:
    """Return options with the values that their types mean. Raises `UsageError` for unknown names."""
    if known is None:
        return dict(options)
    values = {}
    for name, value in options.items():
        if name not in known:
            raise unknown_option(name, owner, known)
        values[name] = typed(name, value, known[name])
    return values
