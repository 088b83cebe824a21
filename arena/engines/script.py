r"""`script:FILE`: replies written down beforehand, played in order from the start of each episode.

Two forms. In a `.txt` file each line is a reply (an empty line is an empty reply), the same for every task.
In a `.jsonl` file each line is `{"task": "pddl/gripper/*", "replies": ["…", "…"]}`; the first line whose
pattern matches the task's id is played, and replies may have several lines (`\n`). When the replies run out,
or no pattern matches, the reply is empty.
"""

import asyncio
import hashlib
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field

from arena.engines.base import Capability, Completion, Engine, Request
from arena.errors import UsageError
from arena.paths import typed_path

_WORDS = re.compile(r"\S+\s*|\s+")


@dataclass(frozen=True)
class Part:
    """The replies to the tasks whose id matches a pattern (`fnmatch`: `*`, `?`, `[…]`)."""

    pattern: str
    replies: tuple[str, ...]


class ScriptEngine(Engine):
    """Plays a script. `latency_s` is how long each reply takes; its words come spread over that time."""

    capabilities: ClassVar[frozenset[Capability]] = frozenset({"stream"})
    concurrency = 16

    def __init__(self, file: str, *, latency_s: Annotated[float, Field(ge=0, le=3600)] = 0.0) -> None:
        """Read the script. Raises `UsageError` with file and line where it can't be read."""
        self._parts = read_script(typed_path(file))
        self._latency_s = latency_s

    async def complete(self, requests: Sequence[Request]) -> list[Completion]:
        """Return the scripted replies of the requests' turns."""
        return list(await asyncio.gather(*map(self._reply, requests)))

    def identity(self) -> Mapping[str, Any]:
        """Return the hash of the script's content: what it says, not where it lies or how fast it is."""
        content = [[part.pattern, *part.replies] for part in self._parts]
        digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()
        return {"engine": "script", "content": digest[:16]}

    async def _reply(self, request: Request) -> Completion:
        began = time.perf_counter()
        text = self._text(request)
        await self._speak(text, request.on_text)
        return Completion(text, "stop", latency_s=time.perf_counter() - began)

    def _text(self, request: Request) -> str:
        for part in self._parts:
            if fnmatchcase(request.task, part.pattern):
                return part.replies[request.turn] if request.turn < len(part.replies) else ""
        return ""

    async def _speak(self, text: str, on_text: Callable[[str], None] | None) -> None:
        words = _WORDS.findall(text) if on_text else []
        for word in words:
            await asyncio.sleep(self._latency_s / len(words))
            if on_text:
                on_text(word)
        if not words:
            await asyncio.sleep(self._latency_s)


def read_script(path: Path) -> tuple[Part, ...]:
    """Read a script file. Raises `UsageError` with file and line where it is not one."""
    if path.suffix not in (".txt", ".jsonl"):
        raise UsageError(
            f"script {path} is neither .txt (a reply a line) nor .jsonl (task and replies a line)"
        )
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f"script {path} can't be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        line = path.read_bytes().count(b"\n", 0, error.start) + 1
        raise UsageError(f"script {path}, line {line}: not UTF-8 text") from None
    lines = text.removesuffix("\n").split("\n") if text else []
    if path.suffix == ".txt":
        parts = [Part("*", tuple(lines))] if lines else []
    else:
        numbered = enumerate(lines, start=1)
        parts = [_part(line, f"script {path}, line {number}") for number, line in numbered if line.strip()]
    if not parts:
        raise UsageError(f"script {path} holds no replies")
    return tuple(parts)


def _part(line: str, where: str) -> Part:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{where}: not JSON ({error})") from None
    if not isinstance(entry, dict) or set(entry) != {"task", "replies"}:
        raise UsageError(f'{where}: a line is {{"task": "pattern", "replies": ["…"]}}')
    task, replies = entry["task"], entry["replies"]
    if not isinstance(task, str):
        raise UsageError(f"{where}: task is not a string")
    if not isinstance(replies, list) or not all(isinstance(reply, str) for reply in replies):
        raise UsageError(f"{where}: replies is not a list of strings")
    return Part(task, tuple(replies))
