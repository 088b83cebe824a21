"""Which harness a log is of: told from its name and its beginning, never by trying one after the other."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arena.errors import UsageError
from arena.outside import agentboard, chat, inspect_log, lm_eval, predictions
from arena.outside.lines import BadLog, rows
from arena.outside.own_inspect import is_own_log
from arena.outside.own_lines import is_own_line
from arena.outside.recorded import Recorded

BEGINNING_BYTES = 1_000_000
KNOWN = (
    "Inspect's .eval and .json, lm-eval's samples_*.jsonl, AgentBoard's log folder, predictions of T-Eval "
    "and WorfBench, chats in OpenAI's form (JSONL), and what `arena export` writes"
)


@dataclass(frozen=True)
class Log:
    """A log to read: where it lies, of which format it is, and the name given to its contestant, if any."""

    path: Path
    format: str
    name: str = ""


def find_logs(text: str) -> list[Log]:
    """Return the logs that `[NAME=]PATH` means, several in a folder. Raises `UsageError` or `BadLog`."""
    name, path = "", Path(text)
    if not path.exists() and "=" in text:
        name, _, rest = text.partition("=")
        path = Path(rest)
    if path.is_dir():
        if agentboard.is_log_folder(path):
            return [Log(path, "agentboard", name)]
        inside = sorted([*path.glob("*.eval"), *path.glob("samples_*.jsonl"), *_of_teval(path)])
        if not inside:
            raise UsageError(f"{path} is a folder without logs that are known here", f"known are {KNOWN}")
        return [Log(each, _format(each), name) for each in inside]
    if not path.is_file():
        raise UsageError(f"there is no log {str(path)!r}", "give a file, a folder, or NAME=PATH")
    return [Log(path, _format(path), name)]


def _of_teval(folder: Path) -> list[Path]:
    """Return the prediction files in T-Eval's output folder; its evaluator's results lie beside them."""
    named = (each for each in folder.glob("*.json") if predictions.is_of_ability(each))
    return [each for each in named if _format(each) == "teval"]


def read_log(log: Log, score: str | None, encoder: str | None) -> Iterator[Recorded]:
    """Yield a log's episodes."""
    match log.format:
        case "inspect":
            return inspect_log.read_inspect(log.path, score)
        case "lm-eval":
            return lm_eval.read_lm_eval(log.path, score)
        case "agentboard":
            return agentboard.read_agentboard(log.path)
        case "teval":
            return predictions.read_teval(log.path, encoder)
        case "worfbench":
            return predictions.read_worfbench(log.path, encoder)
        case _:
            return chat.read_chats(log.path, score)


def _format(path: Path) -> str:
    if path.suffix == ".eval":
        return "arena-inspect" if is_own_log(path) else "inspect"
    if path.suffix in (".csv", ".parquet"):
        return f"arena-{path.suffix[1:]}"
    first = _first_value(path)
    if path.suffix == ".jsonl":
        if is_own_line(first):
            return "arena-jsonl"
        if lm_eval.is_sample(first):
            return "lm-eval"
        if chat.is_chat(first):
            return "chat"
    elif path.suffix == ".json":
        begun = _beginning(path)
        if begun.startswith("["):
            return "worfbench"
        if begun.startswith("{"):
            return "inspect" if '"eval"' in begun and '"version"' in begun else "teval"
    raise BadLog(f"{path} is in none of the formats that are known here", f"known are {KNOWN}")


def _first_value(path: Path) -> Any:
    if path.suffix != ".jsonl":
        return None
    first = next(rows(path), None)
    if first is None:
        raise BadLog(f"{path} is empty")
    if first.problem:
        raise BadLog(f"{path}:{first.line}: {first.problem}")
    return first.value


def _beginning(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(BEGINNING_BYTES).decode("utf-8-sig", "ignore").lstrip()
    except OSError as error:
        raise BadLog(f"{path} can't be read: {error.strerror}") from None
