"""Weights, predictors, tables and figures, and the command as a user runs it."""

import csv
import json
import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from analysis.erank import erank_of_spectrum
from arena.analyzing import output, predictors, tables
from arena.analyzing.models import candidates, open_model
from arena.analyzing.passages import Passage
from arena.analyzing.predictors import damages, perplexity_against_top_k, predictors_document
from arena.analyzing.study import Source, _until, study
from arena.analyzing.weights import matrices, stored_tensors
from arena.errors import ArenaError, UsageError
from arena.report.tables import latex as latex_table
from arena.score import EpisodeScore

from .conftest import copy_with, save_tiny

NAMES = ("fine", "coarse", "coarser", "pruned")


def silent(what: str, more: int) -> None:
    pass


@pytest.fixture(scope="module")
def document(models: Path, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """What a study of all the tiny models says of a text."""
    file = tmp_path_factory.mktemp("text") / "text.txt"
    file.write_text("The robot walks to room 3 and picks up ball 7.\n" * 30)
    base, *others = candidates([str(models / name) for name in ("base", *NAMES)])
    return study(base, others, Source(text=file, window_tokens=300), None, silent)


def test_the_weights_eranks_are_those_of_an_svd_of_the_stored_tensors(document: dict, models: Path):
    stored = {name: load_file(models / name / "model.safetensors") for name in ("base", "coarse")}
    listed = document["models"]["coarse"]["weights"]["matrices"]
    assert {each["name"] for each in listed} == {n for n, w in stored["base"].items() if w.ndim == 2}
    for each in listed:
        before, after = (
            erank_of_spectrum(np.linalg.svd(stored[name][each["name"]].double().numpy(), compute_uv=False))
            for name in ("base", "coarse")
        )
        assert each["erank"] == pytest.approx(after, rel=1e-3)
        assert each["difference"] == pytest.approx(after - before, abs=2e-3 * before)
    layers = [each["layer"] for each in listed]
    assert layers == sorted(layers, key=lambda layer: (layer is None, layer or 0))


def test_weights_alone_are_read_without_loading_a_model(models: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("arena.analyzing.study.open_model", lambda _: pytest.fail("loaded a model"))
    base, other = candidates([str(models / name) for name in ("base", "pruned")])
    found = study(base, [other], None, None, silent)
    assert found["models"]["pruned"].keys() == {"weights"}
    columns, rows = tables.summary(found)
    assert columns == ("model", ">weights' ERank", ">difference")
    assert [row[0] for row in rows] == ["base", "pruned"]


def test_an_analysis_that_goes_on_does_again_only_what_is_new(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    text = tmp_path / "text.txt"
    text.write_text("The robot walks to room 3 and picks up ball 7.\n" * 10)
    base, fine, pruned = candidates([str(models / name) for name in ("base", "fine", "pruned")])
    steps: dict = {}
    study(base, [fine], Source(text=text), None, silent, steps)
    steps = json.loads(json.dumps(steps))  # kept in a file meanwhile
    told: list[str] = []
    found = study(base, [fine, pruned], Source(text=text), None, lambda what, _: told.append(what), steps)
    assert set(told) == {"load base", "load pruned", "read pruned", "weigh base", "weigh pruned"}
    at_once = study(base, [fine, pruned], Source(text=text), None, silent)
    assert json.loads(json.dumps(found)) == json.loads(json.dumps(at_once))

    monkeypatch.setattr("arena.analyzing.study.open_model", lambda _: pytest.fail("loaded a model"))
    again = study(base, [fine, pruned], Source(text=text), None, silent, steps)
    assert json.loads(json.dumps(again)) == json.loads(json.dumps(at_once))
    del steps["read fine"], steps["weigh pruned"]
    known = study(base, [fine, pruned], Source(text=text), None, silent, steps, known_only=True)
    assert known["models"].keys() == {"pruned"}
    assert "weights" not in known["models"]["pruned"]


def test_one_matrix_at_a_time_is_in_memory(models: Path):
    (candidate,) = candidates([str(models / "base")])
    alive = 0

    def counted():
        nonlocal alive
        for name, tensor in stored_tensors(candidate.engine.checkpoint):
            alive += 1
            yield name, tensor

    found = matrices(candidate, counted(), lambda _: None)
    next(found)
    assert alive <= 2


def test_a_matrix_that_is_all_zero_is_one_error_that_names_it(models: Path, tmp_path: Path):
    empty = copy_with(models / "base", tmp_path / "empty", torch.zeros_like)
    base, other = candidates([str(models / "base"), str(empty)])
    with pytest.raises(ArenaError, match=r"q_proj.weight of empty|k_proj.weight of empty|weight of empty"):
        study(base, [other], None, None, silent)


def test_models_without_a_matrix_in_common_are_refused(models: Path, tmp_path: Path):
    other = save_tiny(tmp_path / "other", hidden_size=48, intermediate_size=80, vocab_size=300)
    base, stranger = candidates([str(models / "base"), str(other)])
    with pytest.raises(UsageError, match="no weight matrix in common"):
        study(base, [stranger], None, None, silent)


def test_damage_is_larger_where_a_model_is_worse(document: dict):
    found = {name: damages(n, document["base"]["loss"]) for name, n in document["models"].items()}
    assert found["fine"].keys() == found["coarser"].keys()
    for metric in ("KL divergence", "top-1 flips", "energy gap", "1 - jaccard at 5", "1 - spearman at 10"):
        assert 0 < found["fine"][metric] < found["coarser"][metric], metric
    assert "1 - kendall at 1" not in found["fine"]  # one token has no order


def test_perplexity_is_correlated_with_rankings_over_models(document: dict):
    rhos = perplexity_against_top_k(document["models"])
    assert rhos["5"].keys() == {"jaccard", "kendall", "spearman"}
    assert all(-1 <= rho <= 1 for rho in rhos["5"].values())
    assert math.isnan(rhos["1"]["kendall"])
    assert perplexity_against_top_k({"a": {}, "b": {}}) == {}


def test_the_metric_that_goes_with_the_drop_comes_first(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    base, *others = candidates([str(models / name) for name in ("base", *NAMES)])
    drops = dict(zip(("base", *NAMES), (0.0, 0.1, 0.2, 0.3, 0.4), strict=True))
    episodes = [
        EpisodeScore(name, "ladder", f"task{task}", 0.9 - drop - 0.01 * task, 0.0, 1, 1, 1, 1)
        for name, drop in drops.items()
        for task in range(6)
    ]
    # one contestant has not finished one task: nobody is compared on it
    unfinished = [each for each in episodes if (each.contestant, each.task_hash) != ("fine", "task5")]
    monkeypatch.setattr(predictors, "read_scores", lambda run: (list(drops), unfinished, {}))
    by_name = {name: name for name in drops}
    monkeypatch.setattr(predictors, "contestants_of", lambda run, given: by_name)
    damage = {name: {"good": place, "bad": -place} for place, name in enumerate(NAMES)}
    found = predictors_document(tmp_path, base, others, damage)
    assert found["tasks"] == 5
    progress = [each for each in found["correlations"] if each["score"] == "progress"]
    assert [(each["metric"], each["rho"]) for each in progress] == [("good", 1.0), ("bad", -1.0)]
    assert progress[0]["low"] < 0 < progress[0]["high"]  # of four contestants no order is a proof
    assert all(math.isnan(each["rho"]) for each in found["correlations"] if each["score"] == "success")
    _, rows = tables.predictors({"predictors": found})
    assert rows[0][:3] == ("progress", "good", "+1.00")

    few = {name: damage[name] for name in NAMES[:3]}
    assert "3 compressed contestants" in predictors_document(tmp_path, base, others[:3], few)["reason"]


def test_who_has_hardly_played_takes_no_tasks_from_the_others(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    base, *others = candidates([str(models / name) for name in ("base", *NAMES)])
    names = ("base", *NAMES, "late")
    episodes = [
        EpisodeScore(name, "ladder", f"task{task}", 0.9 - 0.1 * place, 0.0, 1, 1, 1, 1)
        for place, name in enumerate(names)
        for task in range(2 if name == "late" else 6)
    ]
    monkeypatch.setattr(predictors, "read_scores", lambda run: (list(names), episodes, {}))
    monkeypatch.setattr(predictors, "contestants_of", lambda run, given: {name: name for name in names})
    damage = {name: {"good": place} for place, name in enumerate(names[1:])}
    found = predictors_document(tmp_path, base, others, damage)
    assert (found["contestants"], found["tasks"]) == (list(NAMES), 6)


def test_tables_say_what_the_document_says_in_every_form(document: dict):
    columns, rows = tables.summary(document)
    assert [row[0] for row in rows] == ["base", *NAMES]
    parsed = list(csv.DictReader(tables.as_csv(columns, rows).splitlines()))
    assert float(parsed[2]["KL"]) == pytest.approx(document["models"]["coarse"]["kl"], abs=1e-4)
    assert parsed[0]["KL"] == ""
    latex = latex_table(columns, [("a_b & 50 %", *["1"] * (len(columns) - 1))])
    assert r"a\_b \& 50 \%" in latex
    assert latex.count("&") == 2 * (len(columns) - 1) + 1
    depths = tables.depth(document)[1]
    assert depths[0][:2] == ("fine", "0")
    assert tables.drift(document)[1] == []


def test_everything_is_written_and_the_figures_are_drawn(document: dict, tmp_path: Path):
    pytest.importorskip("matplotlib")
    files = {file.name: file for file in output.write(document, tmp_path / "out")}
    assert {"analysis.json", "analysis.md", "summary.csv", "summary.tex", "depth.csv"} <= files.keys()
    pictures = {name for name in files if name.endswith(".png")}
    assert pictures == {
        "erank-by-layer.png",
        "top-k-consistency.png",
        "perplexity-against-top-k.png",
        "energy-at-positions.png",
        "logits-at-positions.png",
        "drift-by-depth.png",
    }
    assert all(files[name].stat().st_size > 10_000 for name in pictures)
    read = json.loads(files["analysis.json"].read_text(), parse_constant=pytest.fail)
    assert read["models"]["coarse"]["kl"] == document["models"]["coarse"]["kl"]


def test_without_matplotlib_the_rest_is_written(
    document: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(output, "can_draw", lambda: False)
    files = output.write(document, tmp_path)
    assert not [file for file in files if file.suffix == ".png"]
    assert tmp_path / "analysis.md" in files


def test_a_folder_that_can_not_be_written_is_refused(document: dict, tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="can't be written"):
        output.write(document, tmp_path / "file" / "out")


def arena(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "arena", "analyze", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=280)


def test_the_command_prints_one_json_document(models: Path, tmp_path: Path):
    text = tmp_path / "text.txt"
    text.write_text("The robot walks to room 3.\n" * 10)
    done = arena(models / "base", f"c={models / 'coarse'}", "--text", text, "-k", 2, "-k", 4, "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout, parse_constant=pytest.fail)
    assert document["base"]["name"] == "base"
    assert document["models"]["c"]["top_k"].keys() == {"2", "4"}
    assert document["source"] == {"text": "text.txt", "tokens": 269, "window_tokens": 512}


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "an analysis needs models"),
        (["{base}"], "at least one compressed model"),
        (["{base}", "{base}x"], "no model"),
        (["{base}", "c={base}", "--text", "x", "--run", "y"], "exclude each other"),
        (["{base}", "c={base}", "--weights-only", "--text", "x"], "--weights-only reads neither"),
        (["{base}", "c={base}", "--contestant", "x"], "add --run"),
    ],
)
def test_what_was_asked_wrongly_is_one_sentence(
    models: Path,
    arguments: list[str],
    why: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
):
    from arena import cli

    typed = [each.format(base=models / "base") for each in arguments]
    monkeypatch.setattr(sys, "argv", ["arena", "analyze", *typed])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    said = capsys.readouterr()
    assert stopped.value.code == 2
    assert why in said.err.replace("\n", " ")
    assert said.out == ""


def test_a_text_that_changes_between_two_models_is_noticed(
    models: Path, text: Path, monkeypatch: pytest.MonkeyPatch
):
    def open_and_edit(candidate):
        if candidate.name == "fine":  # the second model beside the base
            text.write_text("Another text, which nobody asked about.\n" * 40)
        return open_model(candidate)

    monkeypatch.setattr("arena.analyzing.study.open_model", open_and_edit)
    base, *others = candidates([str(models / name) for name in ("base", "coarse", "fine")])
    with pytest.raises(ArenaError, match="changed while it was read"):
        study(base, others, Source(text=text), None, silent)


def test_long_passages_are_read_last_and_only_where_short_ones_are_too_few():
    def passages(*lengths: int) -> Iterator[Passage]:
        return (Passage(np.zeros(length, dtype=np.int64), {}) for length in lengths)

    def read(most_tokens: int, *lengths: int) -> list[int]:
        return [len(passage.tokens) for passage in _until(passages(*lengths), most_tokens)]

    assert read(800, 700, 90, 100, 95) == [90, 100, 95, 700]
    assert read(800, 700, *[100] * 20) == [100] * 8
    assert read(800, 700, 600, 500) == [700, 600]
    assert read(100, *[300] * 50, 5) == [300]  # the short one is too far to look for
