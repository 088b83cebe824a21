from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from arena.analyzing import grid, output, tables
from arena.analyzing.forward import read_together
from arena.analyzing.models import Opened, candidates
from arena.analyzing.study import Source
from compress.rounding import rounded


def test_numbers_are_rounded_to_levels_between_the_smallest_and_the_largest_of_their_group():
    values = torch.tensor([[0.0, 1.0, 2.0, 3.0, -10.0, 0.0, 4.0, 20.0]])
    assert rounded(values, 2, 4)[0, :4].tolist() == pytest.approx([0, 1, 2, 3])
    assert rounded(values, 2, 4)[0, 4:].tolist() == pytest.approx([-10, 0, 0, 20])
    noise = torch.randn(50, 64, generator=torch.Generator().manual_seed(0))
    errors = [float((rounded(noise, bits, 32) - noise).abs().mean()) for bits in (2, 3, 4, 8)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.01


def test_a_rounded_cache_keeps_rounded_keys_and_values(opened: Callable[[str], Opened]):
    base = opened("base")
    tokens = torch.randint(0, 255, (1, 40), generator=torch.Generator().manual_seed(0))
    models = [base, *(replace(base, cache_bits=bits) for bits in (8, 4, 2))]
    (chunk,) = (each for each in read_together(models, tokens, first_position=1) if each.logits)
    gaps = [float((chunk.logits[0] - each).abs().mean()) for each in chunk.logits]
    assert gaps[0] == 0
    assert 0 < gaps[1] < gaps[2] < gaps[3]


def test_the_grid_of_bits_begins_with_the_model_itself(
    models: Path, text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(grid, "WEIGHT_BITS", (16, 8, 3))
    monkeypatch.setattr(grid, "CACHE_BITS", (16, 4))
    (base,) = candidates([str(models / "base")])
    document = grid.grid_study(base, Source(text=text, most_tokens=1024), lambda *_: None)
    cells = {(cell["weight_bits"], cell["cache_bits"]): cell for cell in document["cells"]}
    assert len(cells) == 6
    assert cells[16, 16]["kl"] == cells[16, 16]["top1_flips"] == 0
    assert 0 < cells[8, 16]["kl"] < cells[3, 16]["kl"]
    assert 0 < cells[16, 4]["kl"] < cells[3, 4]["kl"]
    assert tables.bits(document)[1][0][:2] == ("16", "16")
    pytest.importorskip("matplotlib")
    names = {file.name for file in output.write(document, tmp_path)}
    assert {"bits.csv", "bits.tex", "bits-grid.png", "analysis.md"} <= names
