"""A spreadsheet formula's value: arithmetic, cells, ranges and the functions that the sheet tools offer.

Nothing here evaluates code: the grammar below is all there is, within bounds on length and depth. As in
spreadsheets, functions skip texts and empty cells, arithmetic takes an empty cell for 0, and what can't be
computed is an error value such as `#DIV/0!`.

    sum = product {("+" | "-") product};  product = power {("*" | "/") power};  power = sign ["^" power]
    sign = ("-" | "+") sign | atom ["%"];  atom = number | cell | function "(" arguments ")" | "(" sum ")"
"""

import math
import re
from collections.abc import Callable, Sequence

Value = str | float | bool | None
Lookup = Callable[[str, str], Sequence[Value]]
"""Returns the values of a range, row by row, given its first and last cell."""

OPERATORS = ("SUM", "AVERAGE", "COUNT", "MAX", "MIN", "MINUS", "PRODUCT")
MAX_CHARS, MAX_DEPTH = 500, 30

_TOKEN = re.compile(
    r"\s*+(?:(?P<number>\d++(?:\.\d*+)?(?:[eE][+-]?\d++)?|\.\d++)|(?P<cell>\$?[A-Za-z]{1,2}\$?\d{1,4})(?![\w(])"
    r"|(?P<name>[A-Za-z]++)|(?P<sign>[-+*/^%(),:]))"
)


class FormulaError(Exception):
    """The formula has no value; the message is the error value that stands in the cell."""


def evaluate(formula: str, lookup: Lookup) -> float | str:
    """Return the value of a formula (text after the `=`), or an error value."""
    try:
        return _finite(_Parser(_tokens(formula), lookup).whole())
    except FormulaError as error:
        return str(error)
    except ZeroDivisionError:
        return "#DIV/0!"
    except OverflowError:
        return "#NUM!"


def apply(operator: str, cells: Sequence[Sequence[Value]]) -> float | str:
    """Return an operator's value for its arguments (the cells of each), or an error value."""
    try:
        return _finite(_applied(operator, cells))
    except FormulaError as error:
        return str(error)
    except OverflowError:
        return "#NUM!"


def _applied(operator: str, arguments: Sequence[Sequence[Value]]) -> float:
    if operator == "MINUS":
        if len(arguments) != 2 or any(len(argument) != 1 for argument in arguments):
            raise FormulaError("#N/A")
        return _number(arguments[0][0]) - _number(arguments[1][0])
    numbers = [
        float(value)
        for argument in arguments
        for value in argument
        if isinstance(value, int | float) and not isinstance(value, bool)
    ]
    match operator:
        case "SUM":
            return _sum(numbers)
        case "COUNT":
            return float(len(numbers))
        case "AVERAGE":
            if not numbers:
                raise FormulaError("#DIV/0!")
            return _sum(numbers) / len(numbers)
        case "MAX":
            return max(numbers, default=0.0)
        case "MIN":
            return min(numbers, default=0.0)
        case "PRODUCT":
            return math.prod(numbers) if numbers else 0.0
    raise FormulaError("#NAME?")


def _sum(numbers: Sequence[float]) -> float:
    try:
        return math.fsum(numbers)
    except ValueError:  # infinities of both signs
        raise FormulaError("#NUM!") from None


def _number(value: Value) -> float:
    if value is None or value == "":
        return 0.0
    try:
        return float(value)
    except ValueError:
        raise FormulaError("#VALUE!") from None


def _finite(value: float | complex) -> float:
    if isinstance(value, complex) or not math.isfinite(value):
        raise FormulaError("#NUM!")
    return float(value)


def _tokens(formula: str) -> list[tuple[str, str]]:
    if len(formula) > MAX_CHARS:
        raise FormulaError("#ERROR!")
    tokens, at, text = [], 0, formula.rstrip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None or found.lastgroup is None:
            raise FormulaError("#ERROR!")
        tokens.append((found.lastgroup, found[found.lastgroup].upper().replace("$", "")))
        at = found.end()
    return [*tokens, ("end", "")]


class _Parser:
    """Reads a formula and computes it on the way; each method is a rule of the grammar."""

    def __init__(self, tokens: list[tuple[str, str]], lookup: Lookup) -> None:
        self._tokens = tokens
        self._lookup = lookup
        self._at = 0
        self._depth = 0

    def whole(self) -> float:
        value = self._sum()
        if self._kind != "end":
            raise FormulaError("#ERROR!")
        return value

    def _sum(self) -> float:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise FormulaError("#ERROR!")
        value = self._product()
        while self._text in ("+", "-"):
            value = value + self._product() if self._take() == "+" else value - self._product()
        self._depth -= 1
        return value

    def _product(self) -> float:
        value = self._power()
        while self._text in ("*", "/"):
            value = value * self._power() if self._take() == "*" else value / self._power()
        return value

    def _power(self) -> float:
        values = [self._sign()]
        while self._text == "^":
            self._take()
            values.append(self._sign())
        result = values.pop()
        while values:
            result = _finite(values.pop() ** result)
        return result

    def _sign(self) -> float:
        factor = 1.0
        while self._text in ("+", "-"):
            factor = -factor if self._take() == "-" else factor
        value = self._atom()
        while self._text == "%":
            self._take()
            value /= 100
        return factor * value

    def _atom(self) -> float:
        kind, text = self._kind, self._take()
        if kind == "number":
            return float(text)
        if kind == "cell":
            return _number(self._lookup(text, text)[0])
        if kind == "name":
            return self._function(text)
        if text == "(":
            value = self._sum()
            self._expect(")")
            return value
        raise FormulaError("#ERROR!")

    def _function(self, name: str) -> float:
        self._expect("(")
        arguments = [self._argument()]
        while self._text == ",":
            self._take()
            arguments.append(self._argument())
        self._expect(")")
        return _applied(name, arguments)

    def _argument(self) -> Sequence[Value]:
        # a cell or a range by itself is looked at as cells: their texts are skipped
        if self._kind == "cell" and self._tokens[self._at + 1][1] in (":", ",", ")"):
            first = last = self._take()
            if self._text == ":":
                self._take()
                last = self._take() if self._kind == "cell" else ""
            if not last:
                raise FormulaError("#ERROR!")
            return self._lookup(first, last)
        return [self._sum()]

    @property
    def _kind(self) -> str:
        return self._tokens[self._at][0]

    @property
    def _text(self) -> str:
        return self._tokens[self._at][1]

    def _take(self) -> str:
        text = self._text
        self._at += self._kind != "end"
        return text

    def _expect(self, text: str) -> None:
        if self._take() != text:
            raise FormulaError("#ERROR!")
