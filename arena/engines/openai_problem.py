"""What can go wrong between an engine and its server: in a sentence, and tried again where that may help."""

import asyncio
import email.utils
import itertools
import random
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import TypeVar
from urllib.parse import urlsplit

from arena.engines.api_key import SET_KEY, without_key
from arena.engines.openai_answer import HalfAnswer, words_of_error
from arena.errors import EngineError, RefusedRequest

T = TypeVar("T")

PASSING_STATUS = frozenset({408, 409, 425, 429})
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 8.0
LONGEST_RETRY_AFTER_S = 120.0
"""A server that wants to be left alone for longer is given up; the episode stays owed."""

MAX_WORDS_CHARS = 200
_TOO_LONG = re.compile(
    r"context[ _](length|size|window)|maximum (context|input)|(prompt|input) is too long|exceed_context",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Server:
    """A server as its users know it. `has_key`: is there an API key in the environment."""

    url: str
    model: str
    has_key: bool
    timeout_s: float

    @property
    def address(self) -> str:
        """The URL without its query, which may hold what is nobody's business."""
        return urlsplit(self.url)._replace(query="").geturl()


@dataclass(frozen=True)
class Problem:
    """Why a request failed. `passing`: another try may help, after `wait_s` where the server said so.

    `of_request`: it is this one request that is refused, for good; others may be answered.
    """

    message: str
    next_step: str = ""
    passing: bool = False
    wait_s: float | None = None
    unreachable: bool = False
    of_request: bool = False


async def persist(
    once: Callable[[], Awaitable[T]], server: Server, retries: int, *, reconnect: bool = True
) -> T:
    """Return what `once` returns; while it fails for a passing reason, try again, `retries` times at most.

    Each try may take `server.timeout_s`. Without `reconnect`, a server that can't be reached is a reason to
    give up at once. Raises `EngineError` (`RefusedRequest` where others may be answered), which holds nothing
    of the request: no header, no key.
    """
    for attempt in itertools.count():
        try:
            async with asyncio.timeout(server.timeout_s):
                return await once()
        except _expected_errors() as error:
            problem = problem_of(error, server)
        if not problem.passing or attempt == retries or (problem.unreachable and not reconnect):
            break
        await asyncio.sleep(_back_off_s(attempt) if problem.wait_s is None else problem.wait_s)
    # outside of the except block, so that the client's own error is not chained to it
    raised = RefusedRequest if problem.of_request else EngineError
    raise raised(problem.message, problem.next_step)


def problem_of(error: Exception, server: Server) -> Problem:
    """Return what an error of a request means."""
    import openai

    if isinstance(error, openai.APIStatusError):
        return _refusal(error.status_code, error.response.headers, words(error.body), server)
    if _never_connected(error):
        return Problem(
            f"no server answers at {server.address}",
            "start it, or correct the address",
            passing=True,
            unreachable=True,
        )
    if isinstance(error, openai.APITimeoutError | TimeoutError):
        return Problem(
            f"{server.address} gave no whole answer in {server.timeout_s:g} s",
            "raise timeout=, or lower concurrency=",
            passing=True,
        )
    if isinstance(error, HalfAnswer):
        return _half(one_line(without_key(str(error))), server)
    if isinstance(error, openai.APIError) and error.body is not None:
        return _half(f"an error in mid-answer: {words(error.body)}", server)
    return _half("a connection that breaks off", server)


def _expected_errors() -> tuple[type[Exception], ...]:
    import openai

    # the client leaks its HTTP library's errors where a stream breaks; openai < 3 sits on httpx
    libraries = [import_module(name) for name in ("httpx2", "httpx") if find_spec(name)]
    return (openai.OpenAIError, HalfAnswer, TimeoutError, *(library.RequestError for library in libraries))


def _back_off_s(retry: int) -> float:
    """Return how long to wait before a retry (numbered from 0): doubling, bounded, with jitter."""
    return min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0**retry) * random.uniform(0.75, 1.25)


def words(body: object) -> str:
    """Return the beginning of what a server says, on one line, printable, and without the API key."""
    return one_line(without_key(words_of_error(body)))


def one_line(text: str, limit: int = MAX_WORDS_CHARS) -> str:
    """Return the beginning of a text from outside, on one line and printable."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text[: 4 * limit]).split())
    return line if len(line) <= limit else line[:limit] + "…"


def _half(what: str, server: Server) -> Problem:
    return Problem(
        f"{server.address} sends half an answer: {what}", "look into the server's log", passing=True
    )


def _refusal(status: int, headers: Mapping[str, str], said: str, server: Server) -> Problem:
    says = f": {said}" if said else ""
    if status in (401, 403):
        which = "refuses the API key" if server.has_key else "wants an API key"
        return Problem(f"{server.address} {which} ({status})", SET_KEY)
    if status in (400, 413, 422) and (_TOO_LONG.search(said) or status == 413):
        return Problem(
            f"the prompt is too long for {server.model} at {server.address} ({status}{says})",
            "set context_tokens= to what the server allows, or lower max_tokens=",
            of_request=True,
        )
    if status == 404:
        return Problem(
            f"{server.address} has no {server.model} or no chat completions (404{says})",
            "check the model's name, and the URL: most end in /v1",
        )
    if status == 429 or status in PASSING_STATUS or status >= 500:
        return _passing_refusal(status, headers, says, server)
    return Problem(
        f"{server.address} rejects the request ({status}{says})",
        "look into the server's log",
        of_request=True,
    )


def _passing_refusal(status: int, headers: Mapping[str, str], says: str, server: Server) -> Problem:
    what = "has too much to do" if status in (409, 429) else "fails"
    hint = "lower concurrency=, or raise retries=" if status == 429 else "look into the server's log"
    wait_s = _retry_after_s(headers)
    if wait_s is not None and wait_s > LONGEST_RETRY_AFTER_S:
        return Problem(f"{server.address} {what} ({status}) and says to come back in {wait_s:.0f} s", hint)
    return Problem(f"{server.address} {what} ({status}{says})", hint, passing=True, wait_s=wait_s)


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return what `Retry-After` says: seconds, or a date (RFC 9110, 10.2.3). None where it says nothing."""
    text = headers.get("retry-after", "")
    try:
        wait_s = float(text)
    except ValueError:
        wait_s = _seconds_until(text)
    return wait_s if 0 <= wait_s < float("inf") else None


def _seconds_until(date: str) -> float:
    """Return how long it is until a date; -1 where it is none, or of no year that there is."""
    try:
        parsed = email.utils.parsedate_tz(date)
        return email.utils.mktime_tz(parsed) - time.time() if parsed else -1.0
    except (ValueError, OverflowError):
        return -1.0


def _never_connected(error: Exception) -> bool:
    cause = error.__cause__ or error
    return type(cause).__name__ in ("ConnectError", "ConnectTimeout", "UnsupportedProtocol", "InvalidURL")
