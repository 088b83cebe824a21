"""Texts to calibrate with, and the blocks of tokens made of them."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from compress.calibration import (
    HELD_OUT_TEXTS,
    HELD_OUT_TOKENS,
    Calibration,
    bundled_calibration,
    read_calibration,
    tokenize,
)
from compress.checkpoint import read_checkpoint
from compress.errors import CalibrationError


def test_the_bundled_text_is_enough_for_the_default_and_small(tiny: Path) -> None:
    calibration = bundled_calibration()
    assert len(calibration.texts) > 100
    assert sum(len(text.encode()) for text in calibration.texts) < 1_000_000
    samples = tokenize(read_checkpoint(tiny), calibration, 128, 512)
    assert samples.calibration.shape == (128, 512)
    assert samples.held_out.shape == (HELD_OUT_TEXTS, HELD_OUT_TOKENS)


def test_what_errors_are_measured_on_takes_no_part_in_calibration(tiny: Path) -> None:
    texts = Calibration("unique", tuple(hashlib.sha256(bytes([number])).hexdigest() for number in range(100)))
    samples = tokenize(read_checkpoint(tiny), texts, 8, 64)
    apart = {tuple(row[i : i + 9].tolist()) for row in samples.held_out for i in range(len(row) - 8)}
    used = {tuple(row[i : i + 9].tolist()) for row in samples.calibration for i in range(len(row) - 8)}
    assert not apart & used
    assert len({tuple(row.tolist()) for row in samples.calibration}) == 8


def test_files_folders_and_records_are_read(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text("second")
    (tmp_path / "a.jsonl").write_text('{"text": "first"}\n\n{"text": "x"}\n')
    (tmp_path / "c.bin").write_bytes(b"\xff")
    assert read_calibration(tmp_path).texts == ("first", "x", "second")
    assert read_calibration(tmp_path / "b.txt").texts == ("second",)
    assert read_calibration(tmp_path / "b.txt").hash != read_calibration(tmp_path).hash


def test_a_record_may_hold_what_ends_a_line_elsewhere(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text('{"text": "one\u2028line\u0085too"}\n{"text": "x"}\n', "utf-8")
    assert read_calibration(file).texts == ("one\u2028line\u0085too", "x")


def test_a_file_longer_than_is_read_gives_its_whole_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("compress.calibration._MOST_BYTES", 50)
    file = tmp_path / "a.jsonl"
    file.write_text('{"text": "first"}\n{"text": "second"}\n{"text": "third"}\n')
    assert read_calibration(file).texts == ("first", "second")


def test_nobody_is_asked_whether_a_tokenizer_s_code_may_run(
    tiny: Path, texts: Calibration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = shutil.copytree(tiny, tmp_path / "model")
    settings = json.loads((model / "tokenizer_config.json").read_text())
    settings |= {"tokenizer_class": "Own", "auto_map": {"AutoTokenizer": ["own.Own", None]}}
    (model / "tokenizer_config.json").write_text(json.dumps(settings))
    (model / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Own: pass\n")
    monkeypatch.setattr("builtins.input", lambda *_: "y")
    with pytest.raises(CalibrationError, match="can't be loaded"):
        tokenize(read_checkpoint(model), texts, 0, 1)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.jsonl", b'{"text": "x"}\n{nope', "a.jsonl:2 is no JSON object"),
        ("a.jsonl", b"[1]\n", "a.jsonl:1"),
        ("a.txt", b"\xff\xfe", "can't be read as text"),
        ("a.txt", b" \n ", "no text to calibrate"),
    ],
)
def test_what_is_no_text_is_refused_in_one_sentence(
    name: str, content: bytes, says: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CalibrationError, match=says) as caught:
        read_calibration(tmp_path)
    assert "\n" not in caught.value.message
