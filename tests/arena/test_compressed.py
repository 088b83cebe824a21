"""`MODEL+RECIPE`: what it means, and that a kept checkpoint is whole, whoever else wants it."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "toys"))
import tiny_models

from arena import compressed, presets
from arena.cli.compress import compress as compress_command
from arena.compressed import kept_checkpoint, resolve, split_recipe
from arena.engines import hf_load
from arena.engines.registry import make_engine, parse_contestant
from arena.errors import EngineError, UsageError
from arena.study.making import made_here
from compress.calibration import bundled_calibration
from compress.card import read_card
from compress.checkpoint import read_checkpoint
from compress.recipe import read_recipe

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache/arena/compressed"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.save_tiny(tmp_path_factory.mktemp("models") / "tiny+model")


def folders(cache: Path) -> list[Path]:
    return [each for each in cache.iterdir() if each.is_dir()]


def test_a_recipe_stands_after_the_last_plus(tmp_path: Path) -> None:
    assert split_recipe("smollm2+magnitude-50") == ("smollm2", "magnitude-50")
    assert split_recipe("hf:/a+b/c+rtn-w3g32") == ("hf:/a+b/c", "rtn-w3g32")
    assert split_recipe("hf:/a/b") == ("hf:/a/b", None)
    (tmp_path / "x+y").mkdir()
    assert split_recipe(f"hf:{tmp_path}/x+y") == (f"hf:{tmp_path}/x+y", None)
    assert split_recipe(f"{tmp_path}/x+y") == (f"{tmp_path}/x+y", None)
    assert split_recipe(f"{tmp_path}/x+y+fp8") == (f"{tmp_path}/x+y", "fp8")


def test_a_contestant_is_compressed_once_and_played_from_where_it_is_kept(tiny: Path, cache: Path) -> None:
    spec = parse_contestant(f"w4=hf:{tiny}+rtn-w4g16,dtype=float32")
    told: list[str] = []
    engine = make_engine(spec.spec, spec.engine_options, lambda name, _: told.append(name))
    assert set(told) == {f"{tiny}+rtn-w4g16"}
    (folder,) = folders(cache)
    assert read_card(folder)["recipe"]["name"] == "rtn-w4g16"
    assert engine.identity()["weights"] == read_checkpoint(folder).weights_hash
    before = folder.stat().st_ino
    again: list[str] = []
    make_engine(str(tiny) + "+rtn-w4g16", {}, lambda name, _: again.append(name))
    assert (again, folders(cache)[0].stat().st_ino) == ([], before)


def test_models_and_recipes_of_equal_content_share_a_checkpoint(
    tiny: Path, cache: Path, tmp_path: Path
) -> None:
    first = resolve(f"{tiny}+rtn-w4g16")
    moved = shutil.copytree(tiny, tmp_path / "elsewhere")
    assert resolve(f"{moved}+rtn-w4g16") == first
    assert resolve(f"{tiny}+rtn-w3g16") != first
    (moved / "tokenizer_config.json").write_text("{}")
    assert resolve(f"{moved}+rtn-w4g16") != first


@pytest.mark.parametrize(
    "harm",
    [
        lambda folder: (folder / "arena.json").unlink(),
        lambda folder: (folder / "arena.json").write_text("{"),
        lambda folder: (folder / "model.safetensors").write_bytes(b"cut"),
        lambda folder: (folder / "model.safetensors").unlink(),
    ],
)
def test_a_damaged_checkpoint_is_made_again(harm, tiny: Path) -> None:
    folder = Path(resolve(f"{tiny}+rtn-w4g16"))
    whole = read_checkpoint(folder).weights_hash
    harm(folder)
    assert resolve(f"{tiny}+rtn-w4g16") == str(folder)
    assert read_checkpoint(folder).weights_hash == whole


def test_what_a_killed_process_left_is_cleared_away(tiny: Path, cache: Path) -> None:
    folder = Path(resolve(f"{tiny}+rtn-w4g16"))
    shutil.rmtree(folder)
    left = folder.parent / f".{folder.name}.12345678.unfinished"
    left.mkdir()
    resolve(f"{tiny}+rtn-w4g16")
    assert folders(cache) == [folder]


def test_processes_at_once_make_one_checkpoint(tiny: Path, cache: Path) -> None:
    program = (
        "import sys; from arena.compressed import resolve;"
        "told = []; resolve(sys.argv[1], lambda *step: told.append(step)); print(bool(told))"
    )
    command = [sys.executable, "-c", program, f"{tiny}+magnitude-2:4"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    running = [
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    said = [process.communicate(timeout=280)[0].strip() for process in running]
    assert sorted(said) == ["False", "False", "True"]
    assert len(folders(cache)) == 1


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("{tiny}+rtn-w4g16x", "no recipe 'rtn-w4g16x'"),
        ("{tiny}+rtn-w99g16", "bits = 99"),
        ("hf:{tiny}+nothing.toml", "can't be read"),
        ("expert+fp8", "no engine is called"),
    ],
)
def test_unknown_recipes_are_refused_when_the_contestant_is_read(spec: str, says: str, tiny: Path) -> None:
    with pytest.raises(UsageError, match=says):
        parse_contestant(spec.format(tiny=tiny))


def test_a_model_that_can_t_be_compressed_is_an_engine_s_error(
    tiny: Path, tmp_path: Path, cache: Path
) -> None:
    broken = shutil.copytree(tiny, tmp_path / "broken")
    (broken / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(EngineError, match="no readable safetensors"):
        resolve(f"{broken}+rtn-w4g16")
    assert folders(cache) == []


def test_a_recipe_file_is_a_recipe_too(tiny: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('base = "rtn-w4g128"\ngroup_size = 8\n')
    assert read_card(kept_checkpoint(str(tiny), str(file)))["recipe"]["group_size"] == 8


def test_a_gguf_file_is_unpacked_first(tmp_path: Path) -> None:
    file = tiny_models.save_tiny_gguf(tmp_path / "tiny.gguf")
    base = compressed.base_folder(str(file))
    assert read_checkpoint(base).dtype == "float32"
    folder = Path(resolve(f"hf:{file}+rtn-w4g16".removeprefix("hf:")))
    assert read_card(folder)["base"]["name"] == str(file)
    assert compressed.base_folder(str(file)) == base


def test_a_python_without_llm_compressor_takes_what_another_has_made(
    tiny: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def installed(**packages: str) -> None:
        monkeypatch.setattr("compress.card.versions", lambda: packages)

    recipe = read_recipe("gptq-w4g16")
    installed(llmcompressor="1", **{"compressed-tensors": "1"})
    made = compressed._folder(read_checkpoint(tiny), recipe, bundled_calibration())
    shutil.copytree(resolve(f"{tiny}+rtn-w4g16"), made)
    assert compressed.is_kept(str(tiny), "gptq-w4g16")
    installed(llmcompressor="2", **{"compressed-tensors": "1"})
    assert not compressed.is_kept(str(tiny), "gptq-w4g16")
    installed()
    assert kept_checkpoint(str(tiny), "gptq-w4g16") == made
    assert not compressed.is_kept(str(tiny), "gptq-w8")
    assert made_here([str(tiny)], ["gptq-w4g16", "rtn-w4g16", "gptq-w8"]) == (
        ["gptq-w4g16", "rtn-w4g16"],
        ["gptq-w8"],
    )


@pytest.fixture
def other_transformers(monkeypatch: pytest.MonkeyPatch):
    """Give what makes this Python one with another version of transformers, whose tokenizers are saved so."""
    keep = hf_load._keep_unpacked

    def become(version: str) -> None:
        def keep_otherwise(model, tokenizer, copy, **how) -> None:
            tokenizer.init_kwargs["saved_by"] = version
            keep(model, tokenizer, copy, **how)

        monkeypatch.setattr(hf_load, "version", lambda _: version)
        monkeypatch.setattr(hf_load, "_keep_unpacked", keep_otherwise)

    return become


def test_what_one_python_made_of_a_gguf_file_another_one_finds(tmp_path: Path, other_transformers) -> None:
    file = tiny_models.save_tiny_gguf(tmp_path / "tiny.gguf")
    other_transformers("1")
    made, base = resolve(f"{file}+rtn-w4g16"), compressed.base_folder(str(file))
    other_transformers("2")
    assert compressed.is_kept(str(file), "rtn-w4g16")
    assert resolve(f"{file}+rtn-w4g16") == made
    assert (
        read_checkpoint(compressed.base_folder(str(file))).content_hash != read_checkpoint(base).content_hash
    )


def test_unpacked_copies_go_when_they_have_not_been_used_for_long(tmp_path: Path, other_transformers) -> None:
    file = tiny_models.save_tiny_gguf(tmp_path / "tiny.gguf")
    bases = {}
    for version in ("1", "2", "3"):
        other_transformers(version)
        bases[version] = compressed.base_folder(str(file))
        assert all(base.is_dir() for base in bases.values())
    os.utime(bases["1"], (1, 1))
    os.utime(bases["2"], (1, 1))
    other_transformers("2")
    assert compressed.base_folder(str(file)) == bases["2"]  # which is a use
    other_transformers("4")
    compressed.base_folder(str(file))
    assert [base.is_dir() for base in bases.values()] == [False, True, True]


def test_a_preset_can_be_compressed_by_its_name(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    preset = presets.Preset("mine", "Mine", str(tiny), 1.0, 1024, ())
    monkeypatch.setattr(presets, "presets", lambda: {"mine": preset})
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.chdir(tmp_path)
    compress_command("mine", "rtn-w4g16", as_json=True)
    assert read_card(tmp_path / "mine-rtn-w4g16")["base"]["name"] == "mine"
    assert '"recipe": "rtn-w4g16"' in capsys.readouterr().out


def test_a_process_that_is_asked_to_end_leaves_nothing(tiny: Path, tmp_path: Path) -> None:
    program = """
import sys, time
from compress import compressor
compressor._measure = lambda *_: time.sleep(100)
from arena.cli import main
main()
"""
    command = [sys.executable, "-c", program, "compress", str(tiny), "-r", "magnitude-50", "--out"]
    running = subprocess.Popen([*command, str(tmp_path / "out")], cwd=ROOT, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob(".out.*/model.safetensors")) and time.monotonic() < deadline:
        time.sleep(0.1)
    running.send_signal(signal.SIGTERM)
    running.communicate(timeout=60)
    assert running.returncode != 0
    assert not list(tmp_path.glob(".out*"))
