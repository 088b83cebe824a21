"""Wanda against the formula of its paper in float64, and block by block against the whole model."""

import subprocess
import sys
from pathlib import Path

import pytest
import tiny_models
import torch
from transformers import AutoModelForCausalLM

from compress.architecture import read_architecture
from compress.blocks import enter, fast_type
from compress.calibration import Calibration, tokenize
from compress.checkpoint import read_checkpoint
from compress.compressor import compress
from compress.recipe import read_recipe
from compress.tensor_reader import TensorReader

SAMPLES, TOKENS = 4, 32
ROOT = Path(__file__).parents[2]


def reference_masks(model: Path, tokens: torch.Tensor, keep_of: tuple[int, int] | None) -> dict:
    """What is pruned if each block is calibrated with the blocks before it pruned, all in float64."""
    net = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float64).eval()
    masks = {}
    for block in range(net.config.num_hidden_layers):
        prefix = f"model.layers.{block}."
        squares: dict[str, torch.Tensor] = {}
        linears = {
            name: module
            for name, module in net.named_modules()
            if name.startswith(prefix) and isinstance(module, torch.nn.Linear)
        }
        hooks = [
            module.register_forward_pre_hook(
                lambda _, given, name=name, kept=squares: kept.__setitem__(
                    name, given[0].flatten(0, 1).square().sum(0)
                )
            )
            for name, module in linears.items()
        ]
        with torch.no_grad():
            net(tokens)
            for hook in hooks:
                hook.remove()
            for name, module in linears.items():
                scores = module.weight.abs() * squares[name].sqrt()
                groups = scores if keep_of is None else scores.reshape(len(scores), -1, keep_of[1])
                count = groups.shape[-1] // 2 if keep_of is None else keep_of[1] - keep_of[0]
                lowest = groups.argsort(dim=-1)[..., :count]
                masks[name] = (
                    torch.zeros_like(groups, dtype=torch.bool).scatter(-1, lowest, True).reshape(scores.shape)
                )
                module.weight[masks[name]] = 0
    return masks


@pytest.mark.parametrize(("name", "keep_of"), [("wanda-50", None), ("wanda-2:4", (2, 4))])
@pytest.mark.parametrize("kind", ["llama", "qwen2", "gemma2"])
def test_the_weights_that_go_are_those_of_the_paper_s_formula(
    name: str, keep_of: tuple[int, int] | None, kind: str, texts: Calibration, tmp_path: Path
) -> None:
    extra = {"head_dim": 8, "sliding_window": 16} if kind == "gemma2" else {}
    model = tiny_models.save_tiny(tmp_path / "model", kind, **extra)
    recipe = read_recipe(name, {"samples": str(SAMPLES), "tokens": str(TOKENS)})
    compress(model, recipe, tmp_path / "out", calibration=texts)
    tokens = tokenize(read_checkpoint(model), texts, SAMPLES, TOKENS).calibration
    with TensorReader(read_checkpoint(tmp_path / "out")) as made:
        for layer, mask in reference_masks(model, tokens, keep_of).items():
            # float32 may order two scores of nearly the same size the other way round
            assert (made.read(f"{layer}.weight") == 0).ne(mask).float().mean() < 0.002, layer


@pytest.mark.parametrize("processor_does_it", [True, False])
def test_a_model_stored_in_bfloat16_loses_nearly_the_weights_of_the_formula(
    processor_does_it: bool, texts: Calibration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("compress.blocks.device", lambda: torch.device("cpu"))
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: processor_does_it)
    assert fast_type(torch.bfloat16) == (torch.bfloat16 if processor_does_it else torch.float32)
    assert fast_type(torch.float16) == fast_type(torch.float32) == torch.float32
    model = tiny_models.save_tiny(tmp_path / "model", dtype="bfloat16")
    tiny_models.tiny_model().to(torch.bfloat16).save_pretrained(model)
    recipe = read_recipe("wanda-50", {"samples": str(SAMPLES), "tokens": str(TOKENS)})
    compress(model, recipe, tmp_path / "out", calibration=texts)
    tokens = tokenize(read_checkpoint(model), texts, SAMPLES, TOKENS).calibration
    with TensorReader(read_checkpoint(tmp_path / "out")) as made:
        for layer, mask in reference_masks(model, tokens, None).items():
            assert (made.read(f"{layer}.weight") == 0).ne(mask).float().mean() < 0.03, layer


@pytest.mark.parametrize("kind", ["llama", "qwen2", "qwen3", "gemma2", "gemma3_text", "phi3"])
def test_blocks_one_after_another_are_the_model(kind: str, tmp_path: Path) -> None:
    extra = {"head_dim": 8, "sliding_window": 16} if kind.startswith("gemma") else {}
    if kind == "qwen3":
        extra = {"head_dim": 8}
    folder = tiny_models.save_tiny(tmp_path / "model", kind, **extra)
    checkpoint = read_checkpoint(folder)
    tokens = torch.randint(0, 250, (3, 40), generator=torch.Generator().manual_seed(0))
    net = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    seen: list[torch.Tensor] = []
    with TensorReader(checkpoint) as base, torch.inference_mode():
        blocks, hidden = enter(read_architecture(checkpoint), base.read, tokens)
        last = net.get_submodule(blocks[-1].name)
        last.register_forward_hook(lambda *_: seen.append(_[2][0] if isinstance(_[2], tuple) else _[2]))
        net(tokens)
        for block in blocks:
            block.load(base.read)
            block.advance(hidden)
            block.unload()
    torch.testing.assert_close(hidden, seen[0], rtol=1e-4, atol=1e-5)


def test_wanda_needs_little_more_memory_than_a_block(tmp_path: Path) -> None:
    """Peak memory, less what importing and a first small run take, is below 1.3 times the model's size."""
    model = tiny_models.save_tiny(
        tmp_path / "model", hidden_size=512, intermediate_size=2048, num_hidden_layers=16
    )
    program = """
import sys, resource, torch
from pathlib import Path
from compress.calibration import Calibration
from compress.compressor import compress
from compress.recipe import read_recipe
recipe = read_recipe("wanda-50", {"samples": "4", "tokens": "64"})
texts = Calibration("x", ("The mill is by the river. " * 200,))
compress(Path(sys.argv[1]), recipe, Path(sys.argv[3]), calibration=texts)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
compress(Path(sys.argv[2]), recipe, Path(sys.argv[4]), calibration=texts)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""
    small = tiny_models.save_tiny(tmp_path / "small")
    arguments = [small, model, tmp_path / "out1", tmp_path / "out2"]
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout.split()[-1]) < 1.3 * read_checkpoint(model).size_bytes
