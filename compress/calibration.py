"""Texts to calibrate with: where they come from, and the blocks of tokens that are made of them."""

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compress.checkpoint import Checkpoint
from compress.errors import CalibrationError, first_line

if TYPE_CHECKING:
    from torch import Tensor

HELD_OUT_TEXTS = 4
HELD_OUT_TOKENS = 128
"""How much text is kept apart to measure errors on: it never takes part in calibration."""
_SEED = 0
_MOST_BYTES = 64 * 2**20
_SUFFIXES = (".txt", ".md", ".jsonl")


@dataclass(frozen=True)
class Calibration:
    """Texts, and what to call them in the checkpoint's card."""

    name: str
    texts: tuple[str, ...]

    @property
    def hash(self) -> str:
        """SHA-256 (hex) of the texts in their order."""
        digest = hashlib.sha256()
        for text in self.texts:
            digest.update(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest())
        return digest.hexdigest()


def bundled_calibration() -> Calibration:
    """Return the text that comes with the package; `compress/data/README.md` says what it is."""
    text = (files("compress") / "data" / "calibration.txt").read_text("utf-8")
    return Calibration("bundled", tuple(part for part in text.split("\n\n\n") if part.strip()))


def read_calibration(path: Path) -> Calibration:
    """Return the texts of a file, or of all .txt, .md and .jsonl files of a folder, in order of their names.

    A .jsonl file has one object with `text` a line; another file is one text. At most 64 MiB are read. Raises
    `CalibrationError`.
    """
    found = (
        sorted(file for file in path.rglob("*") if file.is_file() and file.suffix in _SUFFIXES)
        if path.is_dir()
        else [path]
    )
    texts: list[str] = []
    left = _MOST_BYTES
    for file in found:
        text = _read(file, left)
        left -= len(text)
        if file.suffix == ".jsonl":
            whole = text if left > 0 else text[: text.rfind("\n") + 1]  # the limit cuts a line in two
            texts += _records(file, whole)
        else:
            texts.append(text)
        if left <= 0:
            break
    texts = [text for text in texts if text.strip()]
    if not texts:
        raise CalibrationError(
            f"There is no text to calibrate with in {path}.",
            f"Give a file, or a folder of {_SUFFIXES} files.",
        )
    return Calibration(path.name, tuple(texts))


def tokenize(checkpoint: Checkpoint, calibration: Calibration, samples: int, tokens: int) -> "Samples":
    """Return blocks of tokens for a model, and others that are kept apart.

    Texts are joined (with the end-of-text token between them), cut into blocks, and the blocks are drawn at
    random with a fixed seed. Raises `CalibrationError` where the texts give too few blocks, or the model has
    no tokenizer.
    """
    import torch

    ids = _token_ids(checkpoint, calibration, (samples * tokens + HELD_OUT_TEXTS * HELD_OUT_TOKENS) * 4)
    held_out = HELD_OUT_TEXTS * HELD_OUT_TOKENS
    enough = held_out + samples * tokens
    if len(ids) < enough:
        raise CalibrationError(
            f"Calibration text {calibration.name} is too little: {len(ids)} tokens, and {samples} samples of "
            f"{tokens} with {held_out} to measure errors on take {enough}.",
            "Give more text, or set fewer samples.",
        )
    blocks = [ids[start : start + tokens] for start in range(held_out, len(ids) - tokens + 1, tokens)]
    chosen = random.Random(_SEED).sample(blocks, samples)
    return Samples(
        torch.tensor(chosen, dtype=torch.long).reshape(samples, tokens),
        torch.tensor(ids[:held_out]).reshape(HELD_OUT_TEXTS, HELD_OUT_TOKENS),
    )


@dataclass(frozen=True)
class Samples:
    """Token ids: `calibration` [samples, tokens], and `held_out` [texts, tokens] to measure errors on."""

    calibration: "Tensor"
    held_out: "Tensor"


def _token_ids(checkpoint: Checkpoint, calibration: Calibration, at_most: int) -> list[int]:
    tokenizer = _tokenizer(checkpoint)
    end = tokenizer.eos_token_id
    ids: list[int] = []
    texts = list(calibration.texts)
    random.Random(_SEED).shuffle(texts)
    for text in texts:
        ids += tokenizer(text, add_special_tokens=False)["input_ids"]
        ids += [end] if end is not None else []
        if len(ids) >= at_most:
            break
    return ids


def _tokenizer(checkpoint: Checkpoint) -> Any:
    from transformers import AutoTokenizer

    if not checkpoint.tokenizer:
        raise CalibrationError(
            f"{checkpoint.path} has no tokenizer, so no text can be given to it.",
            "Copy the tokenizer files of the model that it was made from into the folder.",
        )
    try:
        # without a word on code, transformers asks the user whether to run that of the folder
        return AutoTokenizer.from_pretrained(checkpoint.path, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # transformers fails in any way on a broken tokenizer
        raise CalibrationError(
            f"The tokenizer of {checkpoint.path} can't be loaded: {first_line(error)}."
        ) from error


def _read(file: Path, at_most: int) -> str:
    try:
        with file.open(encoding="utf-8") as opened:
            return opened.read(at_most)
    except (OSError, UnicodeDecodeError) as error:
        raise CalibrationError(f"{file} can't be read as text: {error}.") from error


def _records(file: Path, text: str) -> Sequence[str]:
    import json

    texts = []
    for number, line in enumerate(text.split("\n"), start=1):  # JSON strings hold what splitlines splits at
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            texts.append(str(record["text"]))
        except (ValueError, RecursionError, KeyError, TypeError) as error:
            raise CalibrationError(
                f'{file}:{number} is no JSON object with "text".', "Write one object a line."
            ) from error
    return texts
