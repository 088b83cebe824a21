"""A model and a recipe in, a checkpoint out: what is in it, and what is left when it can't be made."""

import errno
import json
import shutil
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest
import tiny_models
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from compress import compressor
from compress.calibration import Calibration
from compress.card import read_card
from compress.checkpoint import read_checkpoint
from compress.compressor import compress, prepare
from compress.errors import CalibrationError, CheckpointError, CompressError, RecipeError
from compress.recipe import read_recipe
from compress.rounding import dense, fit_grid, round_to
from compress.tensor_reader import TensorReader

OWN = {
    "rtn-w4g16": {},
    "rtn-w3g16": {},
    "rtn-w4g32": {"symmetric": "false"},
    "rtn-w8": {},
    "fp8": {},
    "magnitude-50": {},
    "magnitude-2:4": {},
    "wanda-50": {"samples": "4", "tokens": "32"},
    "wanda-2:4": {"samples": "4", "tokens": "32"},
}


def recipe(name: str, **changes: str):
    return read_recipe(name, OWN.get(name, {}) | changes)


def dense_weights(folder: Path) -> dict[str, torch.Tensor]:
    with TensorReader(read_checkpoint(folder)) as reader:
        return dict(reader.items())


@pytest.mark.parametrize("name", OWN)
def test_a_checkpoint_loads_in_plain_transformers_with_the_weights_that_it_stands_for(
    name: str, tiny: Path, texts: Calibration, tmp_path: Path
) -> None:
    pytest.importorskip("compressed_tensors")
    from transformers import CompressedTensorsConfig

    out = tmp_path / "out"
    compress(tiny, recipe(name), out, calibration=texts)
    quantized = read_checkpoint(out).quantization is not None
    how = {"quantization_config": CompressedTensorsConfig(dequantize=True)} if quantized else {}
    loaded = AutoModelForCausalLM.from_pretrained(out, dtype=torch.float32, **how).eval()
    expected = tiny_models.tiny_model()
    expected.load_state_dict(dense_weights(out))
    ids = torch.arange(3, 40)[None]
    with torch.inference_mode():
        assert torch.equal(loaded(ids).logits, expected(ids).logits)


@pytest.mark.parametrize("name", OWN)
def test_the_planned_size_is_the_size(name: str, tiny: Path, texts: Calibration, tmp_path: Path) -> None:
    planned = prepare(tiny, recipe(name)).plan.size_bytes
    card = compress(tiny, recipe(name), tmp_path / "out", calibration=texts)
    assert card.size_bytes == planned == (tmp_path / "out/model.safetensors").stat().st_size


def test_rounded_weights_are_those_of_the_grid(tiny: Path, texts: Calibration, tmp_path: Path) -> None:
    compress(tiny, recipe("rtn-w3g16"), tmp_path / "out", calibration=texts)
    base, made = dense_weights(tiny), dense_weights(tmp_path / "out")
    name = "model.layers.1.mlp.down_proj.weight"
    grid = fit_grid(base[name], 3, 16, symmetric=True)
    assert torch.equal(made[name], dense(grid, round_to(grid, base[name])))
    assert made.keys() == base.keys()
    for other in ("model.embed_tokens.weight", "lm_head.weight", "model.norm.weight"):
        assert torch.equal(made[other], base[other])


@pytest.mark.parametrize("name", ["magnitude-50", "magnitude-2:4", "wanda-50", "wanda-2:4"])
def test_pruned_weights_are_the_base_s_or_zero(
    name: str, tiny: Path, texts: Calibration, tmp_path: Path
) -> None:
    card = compress(tiny, recipe(name), tmp_path / "out", calibration=texts)
    base, made = dense_weights(tiny), dense_weights(tmp_path / "out")
    assert card.sparsity == pytest.approx(0.5)
    assert card.pattern == ("2:4" if name.endswith("2:4") else None)
    for weight, old in ((made[key], base[key]) for key in made):
        assert torch.equal(weight[weight != 0], old[weight != 0])


def test_the_card_says_how_the_checkpoint_was_made(tiny: Path, texts: Calibration, tmp_path: Path) -> None:
    compress(tiny, recipe("wanda-2:4"), tmp_path / "out", calibration=texts, base_name="the base")
    card = read_card(tmp_path / "out")
    assert card["recipe"]["method"] == "wanda"
    assert card["base"] == {
        "name": "the base",
        "hash": read_checkpoint(tiny).content_hash,
        "size_bytes": read_checkpoint(tiny).size_bytes,
    }
    assert card["calibration"] == {"name": "test", "hash": texts.hash, "samples": 4, "tokens": 32}
    assert card["versions"]["torch"]
    assert len(card["layers"]) == 14
    for layer in card["layers"]:
        assert layer.keys() == {"name", "bits", "sparsity", "error"}
        assert layer["bits"] == 32
        assert 0 < layer["error"] < 1


def test_an_error_is_that_of_the_layer_s_outputs(tiny: Path, texts: Calibration, tmp_path: Path) -> None:
    from compress.calibration import tokenize

    card = compress(tiny, recipe("rtn-w2g16"), tmp_path / "out", calibration=texts)
    held_out = tokenize(read_checkpoint(tiny), texts, 0, 1).held_out
    name = "model.layers.1.mlp.up_proj"
    base, made = dense_weights(tiny), dense_weights(tmp_path / "out")
    model = AutoModelForCausalLM.from_pretrained(tiny, dtype=torch.float32).eval()
    seen: list[torch.Tensor] = []
    model.get_submodule(name).register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    with torch.inference_mode():
        model(held_out)
    inputs = seen[0].flatten(0, 1).double()
    exact = inputs @ base[f"{name}.weight"].double().T
    miss = inputs @ made[f"{name}.weight"].double().T - exact
    (found,) = [layer.error for layer in card.layers if layer.name == name]
    assert found == pytest.approx(float(miss.norm() / exact.norm()), rel=1e-4)


def test_fewer_bits_and_more_zeros_are_more_error(tiny: Path, texts: Calibration, tmp_path: Path) -> None:
    names = ["rtn-w8", "rtn-w4g16", "rtn-w3g16", "rtn-w2g16"]
    errors = [compress(tiny, recipe(n), tmp_path / n, calibration=texts).error for n in names]
    assert errors == sorted(errors)
    names = ["magnitude-30", "magnitude-50", "magnitude-2:4"]
    errors = [compress(tiny, recipe(n), tmp_path / n, calibration=texts).error for n in names]
    assert errors == sorted(errors)


@pytest.mark.parametrize(
    ("ignore", "told"),
    [
        ("lm_head", ""),
        ("lm_head;down_proj;re:.*layers.0.*", ""),
        ("lm_head;dwon_proj;re:.*layers.7.*", "dwon_proj;re:.*layers.7.*"),
    ],
)
def test_a_name_that_is_ignored_in_vain_is_told(
    tiny: Path, texts: Calibration, tmp_path: Path, ignore: str, told: str
) -> None:
    chosen = read_recipe("rtn-w4g16", {"ignore": ignore})
    notes = compress(tiny, chosen, tmp_path / "out", calibration=texts).notes
    assert [f"the model has no linear layer that ignore={told} would leave out"] * bool(told) == list(notes)


def test_a_group_size_that_does_not_divide_a_width_is_made_smaller_and_said(
    texts: Calibration, tmp_path: Path
) -> None:
    model = tiny_models.save_tiny(tmp_path / "model", intermediate_size=60)
    card = compress(model, recipe("rtn-w4g32"), tmp_path / "out", calibration=texts)
    (note,) = card.notes
    assert "group size 30 instead of 32 in 2 layers that are 60 wide" in note
    scale = load_file(tmp_path / "out/model.safetensors")["model.layers.0.mlp.down_proj.weight_scale"]
    assert scale.shape == (32, 2)
    dense_weights(tmp_path / "out")


def test_a_width_with_no_fitting_group_is_refused(tmp_path: Path) -> None:
    model = tiny_models.save_tiny(tmp_path / "model", intermediate_size=61)
    with pytest.raises(RecipeError, match=r"down_proj is 61 wide: no group size from 8 to 32") as caught:
        compress(model, "rtn-w4g32", tmp_path / "out")
    assert "ignore" in caught.value.next_step
    compress(model, recipe("rtn-w4g32", ignore="lm_head;down_proj"), tmp_path / "out")


def test_a_row_that_is_no_whole_number_of_patterns_is_refused(tmp_path: Path) -> None:
    model = tiny_models.save_tiny(tmp_path / "model", intermediate_size=62)
    with pytest.raises(RecipeError, match="groups of 4"):
        compress(model, "magnitude-2:4", tmp_path / "out")


def test_a_tied_output_layer_stays_tied(texts: Calibration, tmp_path: Path) -> None:
    model = tiny_models.save_tiny(tmp_path / "model", tie_word_embeddings=True)
    compress(model, recipe("rtn-w4g16", ignore=""), tmp_path / "out", calibration=texts)
    assert "lm_head.weight" not in dense_weights(tmp_path / "out")


def test_the_tokenizer_and_its_template_come_along(tiny: Path, texts: Calibration, tmp_path: Path) -> None:
    compress(tiny, recipe("rtn-w4g16"), tmp_path / "out", calibration=texts)
    base, made = read_checkpoint(tiny), read_checkpoint(tmp_path / "out")
    assert (made.tokenizer_hash, made.chat_template) == (base.tokenizer_hash, base.chat_template)
    assert made.content_hash != base.content_hash


def test_the_same_recipe_makes_the_same_checkpoint(tiny: Path, texts: Calibration, tmp_path: Path) -> None:
    hashes = set()
    for out in (tmp_path / "a", tmp_path / "b"):
        compress(tiny, recipe("wanda-50"), out, calibration=texts)
        hashes.add(read_checkpoint(out).content_hash)
    assert len(hashes) == 1


def nothing_is_left(folder: Path) -> bool:
    return sorted(file.name for file in folder.iterdir()) in ([], ["model"])


def damaged(tiny: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny, tmp_path / "work/model"))


def edit_config(model: Path, **settings: object) -> None:
    config = json.loads((model / "config.json").read_text()) | settings
    (model / "config.json").write_text(json.dumps(config))


def make_nan(model: Path, name: str) -> None:
    tensors = load_file(model / "model.safetensors")
    tensors[name][0] = float("nan")
    save_file(tensors, model / "model.safetensors", {"format": "pt"})


def put(model: Path, name: str, tensor: torch.Tensor) -> None:
    tensors = load_file(model / "model.safetensors")
    save_file(tensors | {name: tensor}, model / "model.safetensors", {"format": "pt"})


def cut_short(model: Path) -> None:
    file = model / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


@pytest.mark.parametrize("name", ["rtn-w4g16", "magnitude-50", "wanda-50"])
@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda m: edit_config(m, architectures=["LlamaForSequenceClassification"]), "no causal language"),
        (lambda m: edit_config(m, model_type="bert", architectures=["BertModel"]), "no causal language"),
        (lambda m: edit_config(m, model_type="martian"), "no model of type 'martian'"),
        (
            lambda m: edit_config(m, model_type="martian", auto_map={"AutoModelForCausalLM": "x.Y"}),
            "its own code",
        ),
        (lambda m: edit_config(m, quantization_config={"quant_method": "gptq"}), "compressed already"),
        (lambda m: edit_config(m, num_hidden_layers="two"), "makes no model"),
        (lambda m: (m / "model.safetensors").unlink(), "no weights"),
        (lambda m: (m / "model.safetensors").rename(m / "pytorch_model.bin"), "pickles"),
        (cut_short, "no readable safetensors"),
        (lambda m: put(m, "model.layers.1.mlp.up_proj.weight", torch.ones(32, 32)), r"as \[32, 32\], and by"),
        (lambda m: put(m, "model.layers.1.mlp.up_proj.weight", torch.ones(2048)), r"as \[2048\], and by"),
        (lambda m: put(m, "more", torch.ones(2, dtype=torch.uint32)), "stores more as U32"),
        (lambda m: make_nan(m, "model.layers.1.mlp.up_proj.weight"), "not finite"),
        (lambda m: make_nan(m, "model.norm.weight"), "not finite"),
    ],
)
def test_a_model_that_can_t_be_compressed_is_one_sentence_and_leaves_nothing(
    name: str, damage, says: str, tiny: Path, texts: Calibration, tmp_path: Path
) -> None:
    model = damaged(tiny, tmp_path)
    damage(model)
    with pytest.raises(CheckpointError, match=says) as caught:
        compress(model, recipe(name), tmp_path / "work/out", calibration=texts)
    assert "\n" not in caught.value.message
    assert nothing_is_left(tmp_path / "work")


def test_an_output_layer_can_be_compressed_where_layers_have_other_group_sizes(
    texts: Calibration, tmp_path: Path
) -> None:
    base = tiny_models.save_tiny(tmp_path / "base", intermediate_size=60)
    card = compress(
        base, recipe("rtn-w4g32", ignore="", symmetric="true"), tmp_path / "out", calibration=texts
    )
    assert {layer.bits for layer in card.layers if layer.name == "lm_head"} == {4}
    made, weight = dense_weights(tmp_path / "out"), dense_weights(base)["lm_head.weight"]
    grid = fit_grid(weight, 4, 32, symmetric=True)
    assert torch.equal(made["lm_head.weight"], dense(grid, round_to(grid, weight)))
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path / "out", dtype=torch.float32).eval()
    expected = tiny_models.tiny_model(intermediate_size=60)
    expected.load_state_dict(made)
    ids = torch.arange(3, 40)[None]
    with torch.inference_mode():
        assert torch.equal(loaded(ids).logits, expected(ids).logits)


def test_what_is_rotated_while_it_runs_is_not_unpacked(
    tiny: Path, texts: Calibration, tmp_path: Path
) -> None:
    compress(tiny, recipe("rtn-w4g16"), tmp_path / "out", calibration=texts)
    quantization = dict(read_checkpoint(tmp_path / "out").quantization or {})
    edit_config(
        tmp_path / "out",
        quantization_config=quantization | {"transform_config": {"config_groups": {"u": {}}}},
    )
    with pytest.raises(CheckpointError, match="can't be unpacked"):
        TensorReader(read_checkpoint(tmp_path / "out"))


@pytest.mark.parametrize("shape", [[32, 320], [31, 32], [32, -5], [32, 32, 1], [32, 10**13]])
def test_a_size_that_is_not_that_of_the_packed_weights_is_not_believed(
    shape: list[int], tiny: Path, texts: Calibration, tmp_path: Path
) -> None:
    compress(tiny, recipe("rtn-w4g16"), tmp_path / "out", calibration=texts, measured=False)
    layer = "model.layers.0.self_attn.q_proj"
    put(tmp_path / "out", f"{layer}.weight_shape", torch.tensor(shape))
    with (
        TensorReader(read_checkpoint(tmp_path / "out")) as reader,
        pytest.raises(CheckpointError, match="do not fit together"),
    ):
        reader.read(f"{layer}.weight")


@pytest.mark.parametrize("bits", [0, 16, "4", 4.5, None])
def test_weights_of_bits_that_are_not_packed_are_not_unpacked(
    bits: object, tiny: Path, texts: Calibration, tmp_path: Path
) -> None:
    compress(tiny, recipe("rtn-w4g16"), tmp_path / "out", calibration=texts, measured=False)
    quantization = json.loads((tmp_path / "out/config.json").read_text())["quantization_config"]
    quantization["config_groups"]["group_0"]["weights"]["num_bits"] = bits
    edit_config(tmp_path / "out", quantization_config=quantization)
    assert not TensorReader.can_unpack(read_checkpoint(tmp_path / "out"))


def test_only_templates_are_taken_along(tiny: Path, texts: Calibration, tmp_path: Path) -> None:
    model = damaged(tiny, tmp_path)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/private").write_text("x")
    (tmp_path / "elsewhere/tool_use.jinja").write_text("{{ tools }}")
    (model / "additional_chat_templates").symlink_to(tmp_path / "elsewhere")
    compress(model, recipe("rtn-w4g16"), tmp_path / "out", calibration=texts)
    assert [each.name for each in (tmp_path / "out/additional_chat_templates").iterdir()] == [
        "tool_use.jinja"
    ]


def test_a_checkpoint_of_ours_is_not_compressed_again(tiny: Path, texts: Calibration, tmp_path: Path) -> None:
    compress(tiny, recipe("rtn-w4g16"), tmp_path / "out", calibration=texts)
    with pytest.raises(CheckpointError, match="compressed already"):
        prepare(tmp_path / "out", "magnitude-50")


def test_too_little_text_is_refused_before_anything_is_written(tiny: Path, tmp_path: Path) -> None:
    little = Calibration("note", ("A few words.",))
    with pytest.raises(CalibrationError, match=r"note is too little: 13 tokens"):
        compress(tiny, recipe("wanda-50"), tmp_path / "out", calibration=little)
    assert not (tmp_path / "out").exists()


def test_texts_longer_than_the_model_takes_are_refused(
    tiny: Path, texts: Calibration, tmp_path: Path
) -> None:
    with pytest.raises(CalibrationError, match="the model takes 1024"):
        compress(tiny, recipe("wanda-50", tokens="2000"), tmp_path / "out", calibration=texts)


def test_a_full_disk_is_found_before_the_work(
    tiny: Path, texts: Calibration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9, 1000))
    with pytest.raises(CompressError, match="no room"):
        compress(tiny, recipe("rtn-w4g16"), tmp_path / "work/out", calibration=texts)
    assert nothing_is_left(tmp_path / "work")


def test_a_disk_that_fills_up_leaves_nothing(
    tiny: Path, texts: Calibration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(compressor.TensorFile, "write", full)
    with pytest.raises(CompressError, match="no room"):
        compress(tiny, recipe("rtn-w4g16"), tmp_path / "work/out", calibration=texts)
    assert nothing_is_left(tmp_path / "work")


def test_a_folder_that_exists_is_never_overwritten(tiny: Path, texts: Calibration, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine").write_text("precious")
    with pytest.raises(CompressError, match="exists already"):
        compress(tiny, recipe("rtn-w4g16"), tmp_path / "out", calibration=texts)
    assert (tmp_path / "out/mine").read_text() == "precious"


def test_a_model_without_tokenizer_is_rounded_but_not_measured(tiny: Path, tmp_path: Path) -> None:
    model = damaged(tiny, tmp_path)
    (model / "tokenizer.json").unlink()
    card = compress(model, "rtn-w4g16", tmp_path / "out")
    assert (card.error, card.calibration) == (None, None)
    assert "no errors were measured" in card.notes[0]
    with pytest.raises(CalibrationError, match="no tokenizer"):
        compress(model, "wanda-50", tmp_path / "out2")


def test_progress_goes_through_all_layers_and_blocks(tiny: Path, texts: Calibration, tmp_path: Path) -> None:
    steps: list[tuple] = []
    compress(
        tiny,
        recipe("rtn-w4g16"),
        tmp_path / "out",
        calibration=texts,
        on_progress=lambda p: steps.append((p.stage, p.done, p.total)),
    )
    assert [step for step in steps if step[0] == "compressing"] == [
        ("compressing", i, 14) for i in range(1, 15)
    ]
    assert steps[-1] == ("measuring", 2, 2)


def test_importing_the_compressor_imports_no_torch() -> None:
    """How torch's threads wait for each other is settled before it is imported: that is a factor of 4."""
    program = "import sys, compress.compressor; sys.exit('torch' in sys.modules)"
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", program], cwd=root, check=False).returncode == 0


def test_a_quantized_checkpoint_ends_replies_where_its_base_does(tiny: Path, tmp_path: Path) -> None:
    from arena.engines.hf_load import find_checkpoint, load

    base = shutil.copytree(tiny, tmp_path / "base")
    end = json.loads((base / "config.json").read_text())["eos_token_id"]
    (base / "generation_config.json").write_text(json.dumps({"eos_token_id": [end or 1, 7]}))
    compress(base, recipe("rtn-w8"), tmp_path / "out")
    stops = [
        load(
            find_checkpoint(str(folder), trust_remote_code=False), name="m", dtype="float32", device="cpu"
        ).stop_ids
        for folder in (base, tmp_path / "out")
    ]
    assert 7 in stops[0]
    assert stops[0] == stops[1]


@pytest.mark.parametrize(
    ("block_size", "fits"), [("6", False), ("2", False), ("8", True), ("128", True), ("130", False)]
)
def test_blocks_of_sparsegpt_hold_whole_patterns(tiny: Path, block_size: str, fits: bool) -> None:
    chosen = read_recipe("sparsegpt-2:4", {"block_size": block_size})
    if fits:
        assert prepare(tiny, chosen).plan.layers
        return
    with pytest.raises(RecipeError, match=rf"block_size = {block_size} is no whole number of groups of 4"):
        prepare(tiny, chosen)
