"""What a checkpoint on disk is: its files, its size, and hashes that name content."""

import json
import os
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compress import checkpoint
from compress.checkpoint import file_hash, read_checkpoint, size_bytes
from compress.errors import CheckpointError
from compress.gguf_header import read_gguf_header


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache/arena/checkpoint-hashes"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_model(tmp_path / "model")


def write_model(folder: Path, **config: Any) -> Path:
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "llama", "dtype": "bfloat16", **config}))
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / "tokenizer.json").write_text("{}")
    (folder / "tokenizer_config.json").write_text('{"chat_template": "{{ messages }}", "eos_token": "e"}')
    return folder


def test_equal_content_has_the_same_hash_wherever_it_lies(model: Path, tmp_path: Path) -> None:
    other = write_model(tmp_path / "other", _name_or_path="/home/me/x", transformers_version="5.1")
    (other / "README.md").write_text("not a part of the model")
    found = read_checkpoint(model).content_hash
    assert found == read_checkpoint(other).content_hash
    assert len(found) == 64


@pytest.mark.parametrize(
    ("file", "text", "changes"),
    [
        ("model.safetensors", "Weights", {"weights_hash"}),
        ("config.json", '{"model_type": "qwen2", "dtype": "bfloat16"}', {"weights_hash"}),
        ("generation_config.json", '{"eos_token_id": 3}', {"weights_hash"}),
        ("code.py", "pass", {"weights_hash"}),
        ("tokenizer.json", "{ }", {"tokenizer_hash"}),
        (
            "tokenizer_config.json",
            '{"chat_template": "{{ messages }}", "eos_token": "f"}',
            {"tokenizer_hash"},
        ),
        ("tokenizer_config.json", '{"chat_template": "{{ 1 }}", "eos_token": "e"}', {"chat_template"}),
        ("chat_template.jinja", "{{ 1 }}", {"chat_template"}),
    ],
)
def test_each_part_has_its_own_hash(model: Path, file: str, text: str, changes: set[str]) -> None:
    parts = ("weights_hash", "tokenizer_hash", "chat_template")
    before = read_checkpoint(model)
    old = {part: getattr(before, part) for part in parts}
    old_hash = before.content_hash
    (model / file).write_text(text)
    after = read_checkpoint(model)
    assert {part for part in parts if getattr(after, part) != old[part]} == changes
    assert after.content_hash != old_hash


def test_the_size_is_that_of_all_weight_files(model: Path) -> None:
    (model / "model.safetensors").unlink()
    (model / "a.safetensors").write_bytes(b"x" * 100)
    (model / "b.safetensors").write_bytes(b"x" * 50)
    assert size_bytes(model) == 150


def write_index(model: Path, *names: str) -> None:
    (model / "model.safetensors").unlink(missing_ok=True)
    shards = {f"weight {i}": name for i, name in enumerate(names)}
    (model / "model.safetensors.index.json").write_text(json.dumps({"weight_map": shards}))


def test_the_index_says_which_files_are_weights(model: Path) -> None:
    (model / "model-1.safetensors").write_bytes(b"x" * 10)
    write_index(model, "model-1.safetensors", "model-1.safetensors")
    assert size_bytes(model) == 10
    write_index(model, "model-1.safetensors", "model-2.safetensors")
    with pytest.raises(CheckpointError, match=r"lacks 1 of 2 weight files, model-2"):
        read_checkpoint(model)


def test_the_index_leads_to_no_file_outside_the_folder(model: Path) -> None:
    (model.parent / "secret").write_text("x")
    write_index(model, "../secret")
    with pytest.raises(CheckpointError, match="does not list"):
        read_checkpoint(model)


def test_two_sets_of_weights_in_a_folder_are_refused(model: Path) -> None:
    write_index(model, "model-1.safetensors")
    for name in ("model.safetensors", "model-1.safetensors"):
        (model / name).write_bytes(b"weights")
    with pytest.raises(CheckpointError, match="holds two models"):
        read_checkpoint(model)


def test_dtype_and_quantization_are_read_from_the_configuration(tmp_path: Path) -> None:
    plain = read_checkpoint(write_model(tmp_path / "plain"))
    assert (plain.dtype, plain.quantization) == ("bfloat16", None)
    older = read_checkpoint(write_model(tmp_path / "older", dtype=None, torch_dtype="torch.float16"))
    assert older.dtype == "float16"
    nested = read_checkpoint(write_model(tmp_path / "nested", dtype=None, text_config={"dtype": "float64"}))
    assert nested.dtype == "float64"
    packed = read_checkpoint(write_model(tmp_path / "packed", quantization_config={"bits": 4}))
    assert packed.quantization == {"bits": 4}


def test_several_chat_templates_count_as_one(model: Path) -> None:
    (model / "additional_chat_templates").mkdir()
    (model / "additional_chat_templates/tool_use.jinja").write_text("{{ tools }}")
    template = read_checkpoint(model).chat_template
    assert template is not None
    assert json.loads(template) == {"default": "{{ messages }}", "tool_use": "{{ tools }}"}


def test_a_folder_without_tokenizer_files_has_none(model: Path) -> None:
    assert [file.name for file in read_checkpoint(model).tokenizer] == [
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    (model / "tokenizer.json").unlink()
    assert read_checkpoint(model).tokenizer == ()


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda m: (m / "config.json").unlink(), "no config.json"),
        (lambda m: (m / "config.json").write_text("{nope"), "not valid JSON"),
        (lambda m: (m / "config.json").write_text("[" * 100_000), "not valid JSON"),
        (lambda m: (m / "config.json").write_text('{"a": ' + "9" * 5000 + "}"), "not valid JSON"),
        (lambda m: (m / "config.json").write_text("[]"), "does not hold a JSON object"),
        (lambda m: (m / "config.json").write_bytes(b"\xff"), "can't be read"),
        (lambda m: (m / "model.safetensors").unlink(), "has no weights"),
        (lambda m: (m / "model.safetensors").rename(m / "pytorch_model.bin"), "pickles"),
    ],
)
def test_what_is_no_model_folder_is_refused_in_one_sentence(model: Path, damage: Any, says: str) -> None:
    damage(model)
    with pytest.raises(CheckpointError, match=says) as caught:
        read_checkpoint(model)
    assert "\n" not in caught.value.message


def test_a_path_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no model at"):
        read_checkpoint(tmp_path / "nothing")


def old_file(path: Path, data: bytes) -> Path:
    """A file last written an hour ago."""
    path.write_bytes(data)
    hour_ago = time.time() - 3600
    os.utime(path, (hour_ago, hour_ago))
    return path


def test_a_file_is_hashed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = old_file(tmp_path / "weights", b"one")
    first = file_hash(file)
    monkeypatch.setattr("hashlib.file_digest", lambda *_: pytest.fail("hashed again"))
    assert file_hash(file) == first


def test_a_changed_file_is_hashed_again(tmp_path: Path) -> None:
    file = old_file(tmp_path / "weights", b"one")
    first = file_hash(file)
    file.write_bytes(b"two")
    assert file_hash(file) != first


def test_a_file_is_hashed_again_though_another_took_its_place_with_its_time(tmp_path: Path) -> None:
    file = old_file(tmp_path / "weights", b"one")
    first, stamp = file_hash(file), file.stat().st_mtime_ns
    other = old_file(tmp_path / "other", b"two")
    os.utime(other, ns=(stamp, stamp))
    other.replace(file)
    assert file_hash(file) != first


def test_a_file_written_just_now_is_not_trusted_to_stay(tmp_path: Path) -> None:
    file = tmp_path / "weights"
    file.write_bytes(b"one")
    first, stamp = file_hash(file), file.stat().st_mtime_ns
    file.write_bytes(b"two")
    os.utime(file, ns=(stamp, stamp))  # as when both are written within one tick of the clock
    assert file_hash(file) != first


@pytest.mark.parametrize("note", ["", "3 4 5", "a b", "\xff" * 10])
def test_a_damaged_cache_is_no_hindrance(tmp_path: Path, cache: Path, note: str) -> None:
    file = old_file(tmp_path / "weights", b"one")
    first = file_hash(file)
    (kept,) = cache.iterdir()
    kept.write_text(note, encoding="latin-1")
    assert file_hash(file) == first


def test_without_a_place_for_the_cache_hashing_still_works(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("no folder")
    assert len(file_hash(old_file(tmp_path / "weights", b"one"))) == 64


def gguf_bytes(entries: dict[str, tuple[int, bytes]], version: int = 3) -> bytes:
    data = b"GGUF" + struct.pack("<IQQ", version, 0, len(entries))
    for key, (kind, value) in entries.items():
        data += text_bytes(key) + struct.pack("<I", kind) + value
    return data


def text_bytes(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()


TOKENS = struct.pack("<IQ", 8, 2) + text_bytes("a") + text_bytes("b")
ENTRIES = {
    "general.architecture": (8, text_bytes("llama")),
    "general.file_type": (4, struct.pack("<I", 3)),
    "llama.rope.freq_base": (6, struct.pack("<f", 0.5)),
    "tokenizer.ggml.add_bos_token": (7, b"\0"),
    "tokenizer.ggml.tokens": (9, TOKENS),
    "tokenizer.ggml.scores": (9, struct.pack("<IQ2f", 6, 2, 1, 2)),
    "tokenizer.chat_template": (8, text_bytes("{{ messages }}")),
}


def write_gguf(folder: Path, **changes: tuple[int, bytes]) -> Path:
    file = folder / "model.gguf"
    file.write_bytes(gguf_bytes({**ENTRIES, **{k.replace("__", "."): v for k, v in changes.items()}}))
    return file


def test_a_gguf_header_is_read_without_its_lists(tmp_path: Path) -> None:
    header = read_gguf_header(write_gguf(tmp_path))
    assert header.values == {
        "general.architecture": "llama",
        "general.file_type": 3,
        "llama.rope.freq_base": 0.5,
        "tokenizer.ggml.add_bos_token": False,
        "tokenizer.chat_template": "{{ messages }}",
    }
    assert set(header.array_hashes) == {"tokenizer.ggml.tokens", "tokenizer.ggml.scores"}


def test_a_gguf_file_is_a_checkpoint(tmp_path: Path) -> None:
    found = read_checkpoint(write_gguf(tmp_path))
    assert found.chat_template == "{{ messages }}"
    assert found.quantization == {"quant_method": "gguf", "file_type": 3}
    assert found.dtype == "float32"
    assert found.size_bytes == found.path.stat().st_size
    tokens = struct.pack("<IQ", 8, 2) + text_bytes("a") + text_bytes("c")
    other = read_checkpoint(write_gguf(tmp_path, tokenizer__ggml__tokens=(9, tokens)))
    assert other.tokenizer_hash != found.tokenizer_hash
    again = read_checkpoint(write_gguf(tmp_path, general__file_type=(4, struct.pack("<I", 2))))
    assert again.tokenizer_hash == found.tokenizer_hash


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
def test_any_bytes_at_all_are_a_header_or_one_error(tmp_path: Path, data: st.DataObject) -> None:
    whole = gguf_bytes(ENTRIES)
    at = data.draw(st.integers(0, len(whole)))
    change = data.draw(st.binary(max_size=12))
    file = tmp_path / "any.gguf"
    file.write_bytes(whole[:at] + change + whole[at + data.draw(st.integers(0, 12)) :])
    try:
        read_gguf_header(file)
    except CheckpointError as error:
        assert "\n" not in error.message


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty file"),
        (b"hello, world", "does not start with the letters GGUF"),
        (gguf_bytes(ENTRIES, version=9), "version 9 is unknown"),
        (gguf_bytes(ENTRIES)[:-3], "ends in the middle"),
        (gguf_bytes({"k": (99, b"")}), "value type 99 is unknown"),
        (gguf_bytes({"k": (9, struct.pack("<IQ", 9, 1) * 20)}), "nested too deep"),
        (gguf_bytes({"k": (9, struct.pack("<IQ", 10, 2**62))}), "ends in the middle"),
    ],
)
def test_a_broken_gguf_file_is_refused_in_one_sentence(tmp_path: Path, data: bytes, says: str) -> None:
    file = tmp_path / "broken.gguf"
    file.write_bytes(data)
    with pytest.raises(CheckpointError, match=says):
        read_checkpoint(file)


def test_it_imports_no_torch() -> None:
    program = f"import sys, {checkpoint.__name__}; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)
