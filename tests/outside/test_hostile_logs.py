"""Logs that mean harm, or are broken: one clear error each, nothing else written, no part of a run."""

import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from arena.errors import ArenaError
from arena.outside import archive, lines
from arena.outside.importing import import_logs

DATA = Path(__file__).parent / "data"
HEADER = {"version": 2, "eval": {"task": "t", "model": "m"}}
SAMPLE = {"id": 1, "epoch": 1, "input": "q", "messages": [], "scores": {"s": {"value": 1.0}}}


@pytest.fixture(autouse=True)
def _small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_MEMBER_BYTES", 1_000_000)
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 1_000_000)


def inspect_log(
    path: Path, sample: object = SAMPLE, header: object = HEADER, name: str = "samples/1_epoch_1.json"
) -> Path:
    log = path / "log.eval"
    with zipfile.ZipFile(log, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("header.json", json.dumps(header))
        made.writestr(name, sample if isinstance(sample, str | bytes) else json.dumps(sample))
    return log


def written(path: Path, data: str | bytes) -> Path:
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


def cut(path: Path) -> Path:
    return written(path / "cut.eval", (DATA / "base.eval").read_bytes()[:9000])


def flipped(path: Path) -> Path:
    data = bytearray((DATA / "base.eval").read_bytes())
    data[2500] ^= 0xFF
    return written(path / "flipped.eval", bytes(data))


def bomb(path: Path) -> Path:
    return inspect_log(path, sample=b" " * (archive.MAX_MEMBER_BYTES + 10))


def zstandard_bomb(path: Path) -> Path:
    import zlib

    import zstandard

    data = b" " * (archive.MAX_MEMBER_BYTES + 10)
    packed, name = zstandard.ZstdCompressor().compress(data), b"samples/1_epoch_1.json"
    log = inspect_log(path, name="other.json")
    # a member of method 93 that says of itself to be 10 bytes long
    with zipfile.ZipFile(log, "a") as made:
        info = zipfile.ZipInfo(name.decode())
        made.writestr(info, packed)
    raw = bytearray(log.read_bytes())
    for mark, method_at, crc_at in ((b"PK\3\4", 8, 14), (b"PK\1\2", 10, 16)):
        at = raw.rfind(name) - (30 if mark == b"PK\3\4" else 46)
        if mark == b"PK\3\4":
            at = raw.find(name) - 30
        assert raw[at : at + 4] == mark
        raw[at + method_at : at + method_at + 2] = struct.pack("<H", 93)
        raw[at + crc_at : at + crc_at + 4] = struct.pack("<L", zlib.crc32(data))
        raw[at + crc_at + 8 : at + crc_at + 12] = struct.pack("<L", 10)
    return written(log, bytes(raw))


def encrypted(path: Path) -> Path:
    log = inspect_log(path)
    raw = bytearray(log.read_bytes())
    for mark, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        start = raw.rfind(mark)
        raw[start + at] |= 1
    return written(log, bytes(raw))


CASES: dict[str, tuple[Callable[[Path], Path], str]] = {
    "no zip": (lambda p: written(p / "a.eval", "hello"), "no zip archive"),
    "cut archive": (cut, "no zip archive"),
    "flipped byte": (flipped, "can't be unpacked|not JSON|not UTF-8"),
    "zip bomb": (bomb, "unpacks to more than"),
    "zstandard bomb": (zstandard_bomb, "unpacks to more than"),
    "encrypted": (encrypted, "encrypted"),
    "no header": (lambda p: _renamed_header(p), "no header.json"),
    "other schema": (lambda p: inspect_log(p, header={**HEADER, "version": 99}), "log schema 99"),
    "header of a wrong type": (lambda p: inspect_log(p, header=[1]), "no object"),
    "eval of a wrong type": (lambda p: inspect_log(p, header={**HEADER, "eval": 3}), "eval is no object"),
    "sample of a wrong type": (lambda p: inspect_log(p, sample="[]"), "no object"),
    "messages of a wrong type": (
        lambda p: inspect_log(p, {**SAMPLE, "messages": "x"}),
        "messages is no list",
    ),
    "message of a wrong type": (lambda p: inspect_log(p, {**SAMPLE, "messages": [7]}), "message 0"),
    "role of a wrong type": (lambda p: inspect_log(p, {**SAMPLE, "messages": [{"role": 7}]}), "its role"),
    "call of a wrong type": (
        lambda p: inspect_log(p, {**SAMPLE, "messages": [{"role": "assistant", "tool_calls": [5]}]}),
        "a tool call is no object",
    ),
    "epoch of a wrong type": (lambda p: inspect_log(p, {**SAMPLE, "epoch": 10**30}), "epoch"),
    "NaN": (
        lambda p: inspect_log(p, '{"id": 1, "input": "", "scores": {"s": {"value": NaN}}}'),
        "a score is nan",
    ),
    "infinity": (
        lambda p: inspect_log(p, '{"id": 1, "input": "", "scores": {"s": {"value": 1e999}}}'),
        "is inf",
    ),
    "deep sample": (lambda p: inspect_log(p, nested(200_000)), "nested too deeply"),
    "sample in bytes": (lambda p: inspect_log(p, b"\xff\xfe"), "not UTF-8"),
    "empty archive": (lambda p: inspect_log(p, name="other.json"), "holds no episodes"),
    "bytes": (lambda p: written(p / "a.jsonl", b"\xff\xfe\n"), "not UTF-8"),
    "empty": (lambda p: written(p / "a.jsonl", ""), "is empty"),
    "nothing known": (lambda p: written(p / "a.jsonl", '{"x": 1}\n'), "none of the formats"),
    "unknown ending": (lambda p: written(p / "a.pkl", b"\x80\x04."), "none of the formats"),
    "long line": (lambda p: written(p / "a.jsonl", "x" * (lines.MAX_LINE_BYTES + 10)), "longer than"),
    "second line": (lambda p: written(p / "a.jsonl", '{"id": 1, "messages": []}\n{'), "a.jsonl:2: not JSON"),
    "chat of a wrong type": (
        lambda p: written(p / "a.jsonl", '{"id": 1, "messages": 5}\n'),
        "messages is no list",
    ),
    "NaN in lm-eval": (
        lambda p: written(p / "samples_x.jsonl", '{"doc_id": 0, "resps": [["a"]], "acc": NaN}\n'),
        "a score is nan",
    ),
    "doc_id of a wrong type": (
        lambda p: written(p / "samples_x.jsonl", '{"doc_id": [], "resps": [["a"]]}\n'),
        "doc_id",
    ),
    "predictions without a name": (
        lambda p: written(p / "out.json", '{"1": {"prediction": ""}}'),
        "which ability",
    ),
    "prediction of a wrong type": (
        lambda p: written(p / "plan_json.json", '{"1": {"prediction": 5}}'),
        "prediction is no text",
    ),
    "workflow of a wrong type": (lambda p: written(p / "graph.json", '[{"query": 4}]'), "query is no object"),
    "own export of a wrong type": (
        lambda p: written(p / "a.jsonl", '{"arena": 1, "plan": {"plan": 4}}'),
        "'plan': it should be a table",
    ),
    "own table of a wrong type": (lambda p: written(p / "a.csv", "a,b\n1,2\n"), "no table of an Arena run"),
    "no parquet": (lambda p: written(p / "a.parquet", "PAR1 and no more"), "can't be read"),
    "board of a wrong type": (lambda p: _board(p, '{"trajectory": {"x": 1}}'), "Interaction Turn"),
    "cut board": (lambda p: _board(p, '{"id": 1}\n{"id'), "pddl.jsonl:2"),
}


def _renamed_header(path: Path) -> Path:
    with zipfile.ZipFile(path / "a.eval", "w") as made:
        made.writestr("../../header.json", json.dumps(HEADER))
        made.writestr("/etc/header.json", json.dumps(HEADER))
    return path / "a.eval"


def _board(path: Path, text: str) -> Path:
    (path / "board/logs").mkdir(parents=True)
    (path / "board/logs/pddl.jsonl").write_text(text)
    return path / "board"


@pytest.mark.parametrize("case", CASES)
def test_a_bad_log_is_one_error_and_leaves_nothing(case: str, tmp_path: Path):
    make, said = CASES[case]
    folder = tmp_path / "logs"
    folder.mkdir()
    log = make(folder)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ArenaError, match=said) as raised:
        import_logs([str(log)], tmp_path / "run", encoder="hashing")
    assert len(raised.value.message) < 600
    assert "\n" not in raised.value.message
    assert sorted(tmp_path.rglob("*")) == before


def test_names_in_an_archive_are_no_paths(tmp_path: Path):
    log = inspect_log(tmp_path, {**SAMPLE, "id": "../../../x\x1b[31m"}, name="samples/../../../x.json")
    import_logs([str(log)], tmp_path / "run")
    assert {each.name for each in tmp_path.iterdir()} == {"log.eval", "run"}
    assert {each.name for each in (tmp_path / "run").iterdir()} == {"run.toml", "run.sqlite"}
    assert "\x1b" not in (tmp_path / "run/run.toml").read_text()


def test_half_characters_become_whole_ones(tmp_path: Path):
    row = '{"id": "\\ud800", "model": "m\\udfff", "messages": [], "scores": {"\\ud83c\\udfb2\\ud800": 1}}'
    log = written(tmp_path / "a.jsonl", row)
    import_logs([str(log)], tmp_path / "run")
    text = (tmp_path / "run/run.toml").read_text(encoding="utf-8")
    assert "chat/\ufffd" in text
    assert "\U0001f3b2\ufffd" in text


def test_keys_in_the_arguments_of_a_model_stay_outside(tmp_path: Path):
    evaluation = {
        "task": "t",
        "model": "m",
        "model_args": {"api_key": "sk-secret"},
        "model_generate_config": {"seed": 3},
    }
    import_logs([str(inspect_log(tmp_path, header={**HEADER, "eval": evaluation}))], tmp_path / "run")
    assert "seed = 3" in (tmp_path / "run/run.toml").read_text()
    assert all(b"sk-secret" not in file.read_bytes() for file in (tmp_path / "run").iterdir())


@pytest.mark.parametrize("kind", ["run", "file", "other"])
def test_an_import_overwrites_nothing(kind: str, tmp_path: Path):
    run = tmp_path / "run"
    if kind == "file":
        run.write_text("mine")
    else:
        run.mkdir()
        (run / ("run.sqlite" if kind == "run" else "notes.txt")).write_text("mine")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(ArenaError):
        import_logs([str(DATA / "base.eval")], run)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_what_a_killed_import_left_is_no_run_and_no_obstacle(tmp_path: Path):
    run = tmp_path / "run"
    (run / ".importing").mkdir(parents=True)
    (run / ".importing/run.sqlite").write_text("half")
    import_logs([str(DATA / "base.eval")], run)
    assert {each.name for each in run.iterdir()} == {"run.toml", "run.sqlite"}
