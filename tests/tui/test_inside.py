"""The figures of a run's analyses on screen: from the document to curves, and with every key."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from copy import deepcopy
from pathlib import Path

import pytest

from arena.errors import ArenaError
from tests.tui.recorded import recorded_run
from tests.tui.snapshots import SIZES, compare
from tests.tui.test_home_screen import Home
from tui.analyses import Analysis, Correlation, find_analyses, read_analysis
from tui.app import ArenaApp
from tui.choice import Choice
from tui.inside import (
    Curve,
    energy_figures,
    erank_figures,
    logits_figures,
    perplexity_figures,
    top_k_figures,
)
from tui.screens.inside import NAMES, InsideScreen
from tui.screens.results import ResultsScreen
from tui.tables import keys
from tui.widgets.forest import draw_correlation


def model(by: float) -> dict:
    return {
        "top_k": {
            str(k): {"jaccard": 1 - by / k, "kendall": None if k == 1 else 1 - by, "spearman": 1 - 2 * by}
            for k in (1, 3, 10)
        },
        "energy_at": {"64": [-18 + by, -16 + by, -20 + by], "117": [-15 + by]},
        "logits_at": {"2": {"edges": [-2, -1, 0, 1], "counts": [10, 70, 20]}},
        "weights": {
            "matrices": [
                {"name": "a", "layer": 0, "kind": "q_proj", "difference": by},
                {"name": "b", "layer": 0, "kind": "down_proj", "difference": 3 * by},
                {"name": "c", "layer": 1, "kind": "q_proj", "difference": -by},
                {"name": "lm_head", "layer": None, "kind": "lm_head", "difference": 9.0},
            ]
        },
    }


DOCUMENT = {
    "base": {"name": "base", **model(0)},
    "models": {"base+awq": model(0.1), "gptq": model(0.2)},
    "source": {"run": "mix", "contestant": "base", "tokens": 3587, "turns": 183},
    "notes": [],
    "top_k_against_perplexity": {
        "1": {"jaccard": -0.5, "kendall": None},
        "3": {"jaccard": -1, "kendall": -1},
    },
    "predictors": {
        "contestants": ["a", "b", "c", "d"],
        "tasks": 60,
        "correlations": [
            {"metric": "1 - kendall at 3", "score": "progress", "rho": 0.93, "low": 0.49, "high": 0.99},
            {"metric": "KL divergence", "score": "progress", "rho": 0.2, "low": -0.4, "high": 0.7},
            {"metric": "top-1 flips", "score": "success", "rho": None, "low": None, "high": None},
        ],
    },
}
ANALYSIS = Analysis.model_validate(DOCUMENT)


def analysed(run: Path, document: dict = DOCUMENT, folder: str = "analysis") -> Path:
    path = run / folder / "analysis.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(document))
    return path


def inside(
    drive: Callable[[Home], Awaitable[None]],
    size: tuple[int, int] = (120, 40),
    prepare: Callable[[Path], object] = analysed,
) -> None:
    run = recorded_run()
    prepare(run)

    async def show() -> None:
        app = ArenaApp(choice=Choice("small", ["expert"]))
        async with app.run_test(size=size, notifications=True) as pilot:
            home = Home(app, pilot)
            app.show_results(run)
            await home.wait_for("1 expert (baseline)")
            await home.press("i")
            await home.wait_for_screen(InsideScreen)
            await drive(home)

    asyncio.run(show())


# from the document to curves


def test_rank_differences_are_means_by_layer_of_all_matrices_and_then_of_each_kind():
    every, down, query = erank_figures(ANALYSIS)
    assert every.curves[0].name == "base+awq"
    assert every.curves[0].xs == (0, 1)
    assert every.curves[0].ys == pytest.approx((0.2, -0.1))
    assert down.curves[1].ys == pytest.approx((0.6,))
    assert query.curves[1].ys == pytest.approx((0.2, -0.2))


def test_agreement_leaves_out_what_has_no_value_and_shows_what_is_below_zero():
    jaccard, kendall, spearman = top_k_figures(ANALYSIS)
    assert jaccard.curves[0] == Curve("base+awq", (1, 3, 10), (0.9, 1 - 0.1 / 3, 0.99))
    assert kendall.curves[0].xs == (3, 10)
    assert spearman.y_range == (0.0, 1.0)
    document = deepcopy(DOCUMENT)
    document["models"]["gptq"]["top_k"]["3"]["spearman"] = -0.25
    assert top_k_figures(Analysis.model_validate(document))[2].y_range == (-0.25, 1.0)


def test_perplexity_is_set_against_agreement_only_where_there_is_a_correlation():
    (figure,) = perplexity_figures(ANALYSIS)
    assert figure.curves[0] == Curve("Jaccard", (1, 3), (-0.5, -1))
    assert figure.curves[1].xs == (3,)
    document = {**DOCUMENT, "top_k_against_perplexity": {}}
    assert perplexity_figures(Analysis.model_validate(document)) == []


def test_energies_are_means_by_position_and_then_shares_of_the_sequences():
    means, at_64, at_117 = energy_figures(ANALYSIS)
    assert [curve.name for curve in means.curves] == ["base", "base+awq", "gptq"]
    assert means.curves[0].xs == (64, 117)
    assert means.curves[0].ys == pytest.approx((-18, -15))
    assert at_64.curves[0].xs == (-20, -20, -18, -18, -16, -16)
    assert at_64.curves[0].ys == pytest.approx((0, 100 / 3, 100 / 3, 200 / 3, 200 / 3, 100))
    assert at_117.curves[1].ys == (0, 100)


def test_logits_are_shares_at_the_middles_of_their_bins_signed_at_the_peak():
    (figure,) = logits_figures(ANALYSIS)
    assert figure.curves[0].xs == (-1.5, -0.5, 0.5)
    assert figure.curves[0].ys == pytest.approx((10, 70, 20))
    assert figure.curves[0].sign_at == 1


def test_a_correlation_lies_where_its_numbers_say_and_one_that_tells_stands_out():
    line = draw_correlation(Correlation(metric="m", score="progress", rho=0.0, low=-1.0, high=1.0), 84)
    plot = line.plain[-19:]
    assert plot == "─" * 9 + "●" + "─" * 9
    tells = draw_correlation(Correlation(metric="m", score="progress", rho=0.9, low=0.5, high=1.0), 120)
    assert any("success" in str(span.style) for span in tells.spans)
    assert not any("success" in str(span.style) for span in line.spans)


# documents


def test_documents_are_found_in_the_run_and_in_folders_in_it_but_not_through_links(tmp_path: Path):
    assert find_analyses(tmp_path) == []
    one = analysed(tmp_path)
    outside = analysed(tmp_path, folder="outside")
    two = tmp_path / "analysis.json"
    outside.rename(two)
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "analysis.json").symlink_to(two)
    assert set(find_analyses(tmp_path)) == {one, two}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "Invalid JSON"),
        ("[]", "no analysis"),
        ('{"base": {"name": "b", "energy_at": {"3": [NaN]}}}', "base.energy_at.3.0"),
        ('{"base": {"name": "b"}, "models": {"m": {"top_k": {"x": {}}}}}', "models.m.top_k"),
    ],
)
def test_a_document_that_is_none_is_refused_in_one_sentence(tmp_path: Path, text: str, said: str):
    path = tmp_path / "analysis.json"
    path.write_text(text)
    with pytest.raises(ArenaError, match="is no analysis") as raised:
        read_analysis(path)
    assert said in raised.value.message


# on screen


def test_a_run_that_is_not_analysed_says_the_command_that_does_it_and_f5_finds_what_it_wrote():
    async def drive(home: Home) -> None:
        text = await home.wait_for("this run is not analysed yet")
        assert "arena analyze --run" in text
        assert "/mix/analysis" in text
        run = home.app.screen._run
        analysed(run)
        await home.press("f5")
        await home.wait_for("effective rank of the weights")

    inside(drive, prepare=lambda run: None)


def test_every_view_and_figure_is_a_key_away_and_q_goes_back():
    async def drive(home: Home) -> None:
        await home.wait_for("all matrices  1 of 3")
        assert "2=gptq" in home.text()
        assert "1=…awq" in home.text()
        await home.press("right")
        await home.wait_for("down_proj  2 of 3")
        await home.press("left", "left")
        await home.wait_for("q_proj  3 of 3")
        await home.press("v")
        await home.wait_for("agreement on the k best tokens, Jaccard")
        await home.press("3")
        await home.wait_for("over 2 models")
        await home.press("4")
        await home.wait_for("mean by position  1 of 3")
        await home.press("5")
        await home.wait_for("logits at position 2")
        await home.press("6")
        text = await home.wait_for("1 - kendall at 3")
        assert "[+0.49, +0.99]" in text
        assert "top-1 flips" not in text
        assert "95 % interval" in text
        await home.press("v")
        await home.wait_for("all matrices  1 of 3")
        await home.press("q")
        await home.wait_for_screen(ResultsScreen)

    inside(drive)


def test_what_an_analysis_has_no_numbers_for_says_why():
    async def drive(home: Home) -> None:
        await home.wait_for("GGUF")
        for key, words in (("2", "--weights-only"), ("3", "at least three models"), ("6", "too few of them")):
            await home.press(key)
            await home.wait_for(words)

    document = {"base": {"name": "base"}, "models": {"a": {}}, "predictors": {"reason": "too few of them"}}
    inside(drive, prepare=lambda run: analysed(run, document))


def test_n_goes_through_several_analyses_and_a_broken_one_stops_nothing():
    def prepare(run: Path) -> None:
        analysed(run)
        (run / "analysis.json").write_text("{")

    async def drive(home: Home) -> None:
        for _ in range(2):
            await home.press("n")
            await home.wait_for("of 2")
            await home.wait_for("effective rank of the weights")
            await home.press("n")
            await home.wait_for("this analysis can't be read")

    inside(drive, prepare=prepare)


def test_names_in_a_document_are_literal():
    async def drive(home: Home) -> None:
        text = await home.wait_for("[bold red]awq␛[2J")
        assert "[bold red]awq␛[2J" in text
        await home.press("6")
        await home.wait_for("[blink]metric␛")

    document = deepcopy(DOCUMENT)
    document["models"] = {"[bold red]awq\u001b[2J": model(0.1)}
    document["predictors"]["correlations"][0]["metric"] = "[blink]metric\u001b]8;;http://x"
    inside(drive, prepare=lambda run: analysed(run, document))


def test_the_keys_of_the_table_are_all_there_and_in_the_help():
    own = [name for key in keys("inside") for name in key.keys]
    assert len(own) == len(set(own))
    numbered = next(key for key in keys("inside") if key.numbered)
    assert len(numbered.keys) == len(NAMES)

    async def drive(home: Home) -> None:
        for key in keys("inside"):
            assert hasattr(InsideScreen, f"action_{key.action.partition('(')[0]}")
        await home.press("?")
        text = home.text()
        for key in keys("inside"):
            assert key.help[:30] in text

    inside(drive, (120, 70))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("view", [2, 6])
def test_the_figures_look_as_they_did(size: tuple[int, int], view: int):
    async def drive(home: Home) -> None:
        await home.press(str(view))
        await home.wait_for("Jaccard" if view == 2 else "KL divergence")
        compare(f"inside-{NAMES[view - 1].replace(' ', '-')}", size, home.text())

    inside(drive, size)
