"""GGUF files: unpacked once, the same afterwards, and whole or not at all."""

import sys
from pathlib import Path
from typing import Any

import pytest
import torch

sys.path.append(str(Path(__file__).parents[2] / "toys"))
import tiny_models

from arena.engines import hf_load
from arena.engines.hf_load import find_checkpoint, load
from arena.errors import EngineError


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tiny_models.save_tiny_gguf(tmp_path / "tiny.gguf", eot_token_id=257)


def logits_of(file: Path) -> Any:
    loaded = load(find_checkpoint(str(file), False), name="tiny", dtype="float32")
    prompt = [{"role": "user", "content": "A hall."}]
    ids = loaded.tokenizer.apply_chat_template(prompt, return_tensors="pt", return_dict=False)
    assert loaded.tokenizer.decode(ids[0]) == "<|im_start|>user\nA hall.<|im_end|>\n"
    with torch.inference_mode():
        return loaded.model(ids).logits


def copies(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "cache/arena/unpacked-gguf").glob("*"))


def test_later_starts_load_the_unpacked_copy_and_give_the_same(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = logits_of(file)
    assert len(copies(tmp_path)) == 1
    monkeypatch.setattr(hf_load, "_unpack", lambda _: pytest.fail("unpacked again"))
    assert torch.equal(logits_of(file), first)


def test_a_damaged_copy_is_made_again(file: Path, tmp_path: Path) -> None:
    first = logits_of(file)
    (copy,) = copies(tmp_path)
    (copy / "model.safetensors").write_bytes(b"half")
    assert torch.equal(logits_of(file), first)
    assert (copy / "model.safetensors").stat().st_size > 1000


def test_a_changed_file_is_another_model(file: Path, tmp_path: Path) -> None:
    first = logits_of(file)
    data = bytearray(file.read_bytes())
    data[-4:] = b"\0\0\0\x40"
    file.write_bytes(data)
    assert not torch.equal(logits_of(file), first)


def test_it_runs_where_no_copy_can_be_kept(file: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("no folder")
    assert logits_of(file).shape[-1] == 260


def test_every_token_that_the_header_calls_an_end_ends_a_reply(file: Path) -> None:
    loaded = load(find_checkpoint(str(file), False), name="tiny", dtype="float32")
    assert loaded.stop_ids == {256, 257}
    assert loaded.context_tokens == 512


def test_half_a_file_is_refused(file: Path) -> None:
    data = file.read_bytes()
    file.write_bytes(data[: len(data) * 3 // 4])
    with pytest.raises(EngineError, match="can't be loaded"):
        logits_of(file)
    file.write_bytes(data[:300])
    with pytest.raises(EngineError, match="ends in the middle of its header"):
        find_checkpoint(str(file), False)
