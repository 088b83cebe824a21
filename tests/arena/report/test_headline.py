import re
from pathlib import Path

from arena.report.document import report_document
from arena.report.headline import Headline, headline
from tests.arena.report.made_runs import Scores, make_run

BASE_BYTES = 1_000_000
ALIKE = [1.0] * 60
A_LITTLE_LESS = [*[1.0] * 58, 0.5, 0.5]
MUCH_LESS = [0.0] * 40 + [1.0] * 20
WIDE = [0.0] * 3 + [1.0] * 57


def said(
    folder: Path, scores: Scores, sizes: dict[str, int] | None = None, **more: dict[str, str]
) -> Headline:
    return headline(report_document(make_run(folder / "run", scores, sizes=sizes, **more)))  # type: ignore[arg-type]


def sizes(**shares: float) -> dict[str, int]:
    return {name: int(share * BASE_BYTES) for name, share in {"base": 1.0, **shares}.items()}


def scores(**progress: list[float]) -> Scores:
    return {name: {"alpha": values} for name, values in {"base": ALIKE, **progress}.items()}


def test_the_smallest_is_shipped_for_which_no_loss_beyond_the_margin_is_possible(tmp_path: Path):
    found = said(tmp_path, scores(w8=ALIKE, w4=A_LITTLE_LESS, w2=MUCH_LESS), sizes(w8=0.5, w4=0.3, w2=0.2))
    assert (found.kind, found.text) == ("ship", "Ship w4: 30\N{NO-BREAK SPACE}% of the base's size")
    assert found.why[0].startswith("w4: a drop of more than ")
    assert "is ruled out (95 % sure;" in found.why[0]


def test_a_loss_that_is_proven_but_small_is_said(tmp_path: Path):
    found = said(tmp_path, scores(w4=[0.9, 0.95, 1.0] * 20), sizes(w4=0.3))
    assert found.why[0].startswith("w4: worse by 5 points [4, 6]; a drop of more than 7 points of progress")
    assert "Look at alpha" in found.why[1]


def test_of_those_as_small_the_one_is_shipped_that_is_known_to_lose_least(tmp_path: Path):
    found = said(tmp_path, scores(rtn=A_LITTLE_LESS, awq=ALIKE), sizes(rtn=0.3, awq=0.303))
    assert "Ship awq" in found.text


def test_a_smaller_one_that_more_tasks_might_show_to_be_safe_is_named(tmp_path: Path):
    open_question = [0.0] * 5 + [1.0] * 55
    found = said(tmp_path, scores(w4=ALIKE, w3=open_question), sizes(w4=0.3, w3=0.2))
    assert "Ship w4" in found.text
    assert found.why[-1].startswith("w3 is smaller still, and looks worse by 8 points [1.8, 18], but ")
    assert found.why[-1].endswith("can't prove it; about 110 tasks would decide.")

    found = said(tmp_path / "wide", scores(w4=ALIKE, w3=WIDE), sizes(w4=0.3, w3=0.2))
    assert found.why[-1].startswith("w3 is smaller still, but undecided: 60 tasks say too little; about ")


def test_too_few_tasks_decide_nothing_and_how_many_would_is_said(tmp_path: Path):
    found = said(tmp_path, {"base": {"alpha": [1.0] * 8}, "w4": {"alpha": [1.0] * 8}}, sizes(w4=0.3))
    assert (found.kind, found.text) == (
        "undecided",
        "Nothing is decided: about 46 tasks would decide about w4",
    )


def test_of_undecided_ones_the_most_promising_is_named_first(tmp_path: Path):
    few = {"base": [1.0] * 2, "w3": [1.0] * 2, "w2": [0.0] * 2}
    found = said(tmp_path, {name: {"alpha": values} for name, values in few.items()}, sizes(w3=0.3, w2=0.2))
    assert found.text.endswith("tasks would decide about w3")
    assert [why.split()[0] for why in found.why] == ["w3", "w2"]


def test_where_a_small_benchmark_leaves_the_mean_open_what_the_others_tell_is_said(tmp_path: Path):
    few = [1.0, 0.0, 1.0]
    found = said(
        tmp_path,
        {
            "base": {"alpha": ALIKE, "beta": few},
            "w4": {"alpha": ALIKE, "beta": few},
            "w2": {"alpha": MUCH_LESS, "beta": few},
        },
        sizes(w4=0.3, w2=0.2),
    )
    assert found.kind == "undecided"
    assert re.fullmatch(
        r"Nothing smaller is known to be safe: about \d+ tasks would decide about w4", found.text
    )
    assert found.why[0] == ("On alpha alone (60 episodes) a drop of more than 10 points is ruled out for w4.")
    assert found.why[1] == "w2: proven worse on alpha."
    assert found.why[2].startswith("w4 is undecided: 63 tasks, of which beta has 3, say too little; about ")
    assert int(found.why[2].split("about ")[1].split()[0]) > 2 * 63


def test_where_all_lose_the_base_is_shipped(tmp_path: Path):
    found = said(tmp_path, scores(w2=MUCH_LESS), sizes(w2=0.2))
    assert (found.kind, found.text) == (
        "none",
        "Ship the base: none of the others stays within 10 points of it",
    )
    # one benchmark is the mean: its loss is not said twice
    assert re.fullmatch(r"w2: worse by 67 points \[\d+, \d+\]\.", found.why[0])


def test_what_is_as_large_as_the_base_saves_nothing(tmp_path: Path):
    found = said(tmp_path, scores(pruned=ALIKE, w2=MUCH_LESS), sizes(pruned=1.0, w2=0.2))
    assert (found.kind, found.text) == ("none", "Ship the base: nothing smaller stays within 10 points of it")
    assert "pruned loses nothing beyond the margin, and saves nothing: as large" in found.why[0]


def test_a_benchmark_that_is_proven_worse_is_not_averaged_away(tmp_path: Path):
    half_lost = [0.0] * 15 + [1.0] * 45
    run: Scores = {"base": {"alpha": ALIKE, "beta": half_lost}, "w4": {"alpha": half_lost, "beta": ALIKE}}
    document = report_document(make_run(tmp_path / "run", run, sizes=sizes(w4=0.3)))
    assert document["overall"]["w4"]["ci"][0] > -0.10
    found = headline(document)
    assert found.kind == "none"
    assert found.why[0].endswith("; proven worse on alpha.")


def test_without_sizes_the_safe_ones_are_named(tmp_path: Path):
    found = said(tmp_path, scores(w4=ALIKE))
    assert found.text == "w4: no loss of more than 10 points is possible"


def test_yardsticks_are_not_shipped(tmp_path: Path):
    engines = {"expert": "expert"}
    found = said(tmp_path, scores(expert=ALIKE), sizes(), engines=engines)
    assert (found.kind, found.text) == ("alone", "No model is compared with base")


def test_a_base_that_cannot_do_the_tasks_gets_no_verdict(tmp_path: Path):
    run = {name: {"alpha": [0.0] * 30} for name in ("base", "w4", "random")}
    found = said(tmp_path, run, sizes(w4=0.3), engines={"random": "random"})
    assert (found.kind, found.text) == ("no_base", "No verdict: the base can't do these tasks")
    assert found.why == ("alpha: progress 0, floor 0.",)


def test_too_few_tasks_to_show_what_the_base_can_do_are_not_called_its_failure(tmp_path: Path):
    run = {"base": {"alpha": [1.0, 0.0]}, "w4": {"alpha": [1.0, 0.0]}, "random": {"alpha": [0.5, 0.0]}}
    found = said(tmp_path, run, sizes(w4=0.3), engines={"random": "random"})
    assert found.text == "No verdict: it isn't shown that the base can do these tasks"


def test_between_two_of_one_size_and_safety_the_faster_is_shipped_and_the_tie_is_said(tmp_path: Path):
    run = make_run(tmp_path / "run", scores(slow=ALIKE, quick=ALIKE), sizes=sizes(slow=0.3, quick=0.3))
    document = report_document(run)
    for name, seconds in {"slow": 2.0, "quick": 1.5}.items():
        document["overall"][name]["time_s"] = seconds
    found = headline(document)
    assert found.text.startswith("Ship quick:")
    assert found.why[1] == "slow is as small and as safe; its replies took 2 s an episode here, not 1.5 s."

    document["agents"]["quick"]["engine"] = "another"
    document["overall"]["slow"]["ci"] = [each + 1e-6 for each in document["overall"]["slow"]["ci"]]
    found = headline(document)
    assert found.text.startswith("Ship slow:")
    assert found.why[1] == (
        "quick is as small and as safe; another engine played it, so their times say nothing."
    )


def test_what_is_not_played_or_failed_is_said_beside_every_recommendation(tmp_path: Path):
    run = {"base": {"alpha": [*ALIKE, 1.0]}, "w4": {"alpha": [*ALIKE, None]}}
    found = said(tmp_path, run, sizes(w4=0.3), planned=62)  # type: ignore[arg-type]
    assert found.text.startswith("Ship w4")
    assert found.caution == "Preliminary: 2 episodes not played yet, and 1 episode in error, in no score."
    assert said(tmp_path / "whole", scores(w4=ALIKE), sizes(w4=0.3)).caution is None


def test_a_benchmark_that_the_base_cannot_do_is_no_part_of_the_recommendation(tmp_path: Path):
    run = {
        name: {"alpha": ALIKE, "beta": [0.0] * 30} if name != "random" else {"beta": [0.0] * 30}
        for name in ("base", "w4", "random")
    }
    found = said(tmp_path, run, sizes(w4=0.3), engines={"random": "random"})
    assert found.text.startswith("Ship w4")
    assert "Nothing is said of beta: the base doesn't clear its floor." in found.why


def test_the_base_is_not_shipped_because_others_have_not_been_played(tmp_path: Path):
    played = {"base": {"alpha": ALIKE, "beta": [0.0] * 20}, "w2": {"alpha": MUCH_LESS}, "w3": {}, "w4": {}}
    found = said(tmp_path, played, sizes(w2=0.2, w3=0.3, w4=0.4))
    assert (found.kind, found.text) == (
        "undecided",
        "Nothing is decided: no task yet that the base has finished too, of w3, w4",
    )


def test_a_contestant_that_was_not_played_has_no_verdict_of_what_the_base_cannot_do(tmp_path: Path):
    played = {"base": {"teval": [0.0] * 20, "alpha": ALIKE}, "w2": {}}
    document = report_document(make_run(tmp_path / "run", played, sizes=sizes(w2=0.2)))
    assert "verdict" not in document["overall"]["w2"]


def test_what_may_have_lost_most_of_the_little_that_the_base_reaches_is_not_shipped(tmp_path: Path):
    little = [1.0] * 6 + [0.0] * 114
    found = said(tmp_path, {"base": {"alpha": little}, "dead": {"alpha": [0.0] * 120}}, sizes(dead=0.25))
    assert (found.kind, found.text) == (
        "none",
        "Ship the base: none of the others stays within 2.5 points of it",
    )
    half = [1.0] * 3 + [0.0] * 117
    found = said(tmp_path / "half", {"base": {"alpha": little}, "half": {"alpha": half}}, sizes(half=0.25))
    assert found.kind == "undecided"
    (why,) = found.why
    assert why.startswith("half is undecided: 2.5 points, half of what the base reaches, may be lost; ")
    assert why.endswith("about 320 tasks would decide.")


def test_a_benchmark_of_which_nothing_is_known_is_named_beside_the_recommendation(tmp_path: Path):
    run = {"base": {"alpha": ALIKE, "beta": ALIKE}, "w4": {"alpha": ALIKE}}
    found = said(tmp_path, run, sizes(w4=0.3))
    assert found.text.startswith("Ship w4")
    assert "Nothing is known of w4 on beta: no task that both finished." in found.why
