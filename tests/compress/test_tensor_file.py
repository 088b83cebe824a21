"""Writing safetensors tensor by tensor."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from compress.tensor_file import Slot, TensorFile, file_size_bytes

TENSORS = {
    "a.weight": torch.randn(3, 5),
    "b": torch.arange(7, dtype=torch.int64),
    "c": torch.randn(2, 3).bfloat16(),
    "ü": torch.randn(4, 4).to(torch.float8_e4m3fn),
    "empty": torch.zeros(0, 3, dtype=torch.int32),
}
SLOTS = {
    "a.weight": Slot("F32", (3, 5)),
    "b": Slot("I64", (7,)),
    "c": Slot("BF16", (2, 3)),
    "ü": Slot("F8_E4M3", (4, 4)),
    "empty": Slot("I32", (0, 3)),
}


def test_the_library_reads_what_was_written_in_any_order(tmp_path: Path) -> None:
    file = tmp_path / "x.safetensors"
    with TensorFile(file, SLOTS) as out:
        for name in reversed(TENSORS):
            out.write(name, TENSORS[name])
    read = load_file(file)
    assert read.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert torch.equal(read[name].float(), tensor.float()), name
    assert file.stat().st_size == file_size_bytes(SLOTS)


def test_a_tensor_that_was_forgotten_or_does_not_fit_is_a_bug(tmp_path: Path) -> None:
    with (
        pytest.raises(AssertionError, match="4 tensors were not written"),
        TensorFile(tmp_path / "x", SLOTS) as out,
    ):
        out.write("b", TENSORS["b"])
    with pytest.raises(AssertionError), TensorFile(tmp_path / "y", SLOTS) as out:
        out.write("b", TENSORS["a.weight"])
