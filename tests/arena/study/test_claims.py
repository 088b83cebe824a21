from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.score import EpisodeScore
from arena.study.claims import Answer, Record, answers
from arena.study.family import Family
from arena.study.losses import chosen_tasks, mean_losses, progress_by_task

RECIPES = ("gptq-w4g128", "fp8", "magnitude-50", "magnitude-2:4")
TASKS = {
    **{f"j{n}": f"teval/plan-json/{n}" for n in range(40)},
    **{f"s{n}": f"teval/plan-str/{n}" for n in range(40)},
    **{f"w{n}": f"worfbench/wikihow/{n}" for n in range(40)},
}


def record(losses: dict[str, float], json_extra: float = 0.0, bases: tuple[str, ...] = ("small",)) -> Record:
    """Every task loses what its recipe loses, with a little noise that is the same for all recipes."""
    noise = np.random.default_rng(1)
    progress: dict[tuple[str, str], float] = {}
    for task, name in TASKS.items():
        wobble = float(noise.normal(0, 0.02))
        for place, base in enumerate(bases):
            progress[base, task] = 0.9
            for recipe, loss in losses.items():
                extra = json_extra * ("json" in name)
                progress[f"{base}+{recipe}", task] = 0.9 - (loss + extra) / (place + 1) + wobble
    families = [
        Family(base, 10 + n, {recipe: f"{base}+{recipe}" for recipe in losses})
        for n, base in enumerate(bases)
    ]
    return Record(progress, TASKS, families, {})


def answer(record: Record, word: str) -> Answer:
    (found,) = [each for each in answers(record) if word in each.says]
    return found


LOSSES = {"gptq-w4g128": 0.02, "fp8": 0.0, "magnitude-50": 0.2, "magnitude-2:4": 0.4}


def test_what_the_numbers_bear_out_is_confirmed():
    told = record(LOSSES, json_extra=0.1, bases=("small", "large"))
    for word in ("must be JSON", "keeps tool use better", "two of every four", "Smaller models"):
        assert answer(told, word).verdict == "confirmed", word


def test_what_the_numbers_speak_against_is_contradicted():
    turned = {"gptq-w4g128": 0.4, "fp8": 0.4, "magnitude-50": 0.3, "magnitude-2:4": 0.0}
    told = record(turned, json_extra=-0.1)
    for word in ("must be JSON", "keeps tool use better", "two of every four", "workflow generation loses"):
        assert answer(told, word).verdict == "contradicted", word


def test_the_estimate_is_a_difference_of_mean_losses():
    told = answer(record(LOSSES), "two of every four")
    assert told.estimate == pytest.approx(0.2)
    assert told.low is not None and told.high is not None
    assert told.low <= 0.2 <= told.high
    assert told.cases == len(TASKS)


def test_a_small_loss_is_confirmed_only_where_more_is_ruled_out():
    assert answer(record({"gptq-w4g128": 0.0}), "workflow").verdict == "confirmed"
    undecided = answer(record({"gptq-w4g128": 0.03}), "workflow")
    assert undecided.verdict == "not decidable"
    assert undecided.needed is not None and undecided.needed > 40


def test_what_a_run_does_not_hold_is_not_asked_and_says_why():
    told = record({"gptq-w4g128": 0.0})
    assert answer(told, "Smaller models").reason == "it takes base models of two known sizes in the run"
    assert "analysis of at least 4" in answer(told, "3 best tokens").reason
    assert answer(told, "keeps tool use better").verdict == "not asked"


def test_a_model_whose_size_nobody_knows_is_not_the_smallest():
    told = record(LOSSES, bases=("small", "large"))
    served = replace(told.families[1], size_bytes=0)
    found = answer(replace(told, families=[served, told.families[0]]), "Smaller models")
    assert found.reason == "it takes base models of two known sizes in the run"


def test_gaps_of_two_losses_may_be_larger_than_one_and_stay_in_their_interval():
    progress = {}
    for place, task in enumerate(TASKS):
        own = 1 - 0.01 * (place % 9)
        progress |= {("small", task): own, ("small+fp8", task): 0.0}
        progress |= {("large", task): 0.2, ("large+fp8", task): 0.9 + 0.01 * (place % 7)}
    families = [Family("small", 1, {"fp8": "small+fp8"}), Family("large", 2, {"fp8": "large+fp8"})]
    found = answer(Record(progress, TASKS, families, {}), "Smaller models")
    assert found.low is not None and found.estimate is not None and found.high is not None
    assert 1.5 < found.low <= found.estimate <= found.high < 1.9


def test_rankings_are_read_from_an_analysis():
    models = {
        f"m{n}": {
            "loss": 3 + n,
            "base_loss": 2.5,
            "top_k": {"3": {"jaccard": 0.8 - n / 10}, "10": {"jaccard": 0.9 - n / 12.5}},
        }
        for n in range(6)
    }
    told = Record({}, {}, [], {"models": models})
    assert answer(told, "3 best tokens").verdict == "confirmed"
    related = answer(told, "disturb the ranking")
    assert (related.verdict, related.estimate) == ("confirmed", pytest.approx(1.0))


@given(st.lists(st.floats(0, 1), min_size=2, max_size=30))
def test_losses_are_base_less_mean_of_the_others(values: list[float]):
    progress = {("base", str(n)): 1.0 for n in range(len(values))}
    progress |= {("a", str(n)): value for n, value in enumerate(values)}
    progress |= {("b", str(n)): 1.0 for n in range(len(values))}
    lost = mean_losses(progress, "base", ["a", "b"], [str(n) for n in range(len(values))])
    assert list(lost.values()) == pytest.approx([(1 - value) / 2 for value in values])


def test_only_tasks_that_all_have_finished_count():
    progress = {("base", "x"): 1.0, ("base", "y"): 1.0, ("a", "x"): 0.5}
    assert mean_losses(progress, "base", ["a"], ["x", "y", "z"]) == {"x": 0.5}
    assert mean_losses(progress, "base", [], ["x"]) == {}


def test_repeats_of_a_task_are_averaged():
    def episode(progress: float | None) -> EpisodeScore:
        return EpisodeScore("a", "pddl", "t", progress, None, 1, None, 1, None)

    assert progress_by_task([episode(1.0), episode(0.5), episode(None)]) == {("a", "t"): 0.75}


def test_tasks_are_chosen_by_benchmark_or_subset():
    assert chosen_tasks(TASKS, ["teval/*-json"]) == [task for task in TASKS if task.startswith("j")]
    assert len(chosen_tasks(TASKS, ["*"])) == len(TASKS)


def test_nothing_is_asked_of_what_the_base_cannot_do():
    told = record(LOSSES)
    unable = Record(told.progress, told.tasks, told.families, {}, {"small": ["teval"]})
    assert answer(unable, "keeps tool use better").verdict == "not asked"
    assert "that the base can do" in answer(unable, "keeps tool use better").reason
    assert answer(unable, "workflow generation").cases == answer(told, "workflow generation").cases


def test_models_of_two_sizes_are_compared_by_the_engine_in_which_most_recipes_play():
    told = record(LOSSES, bases=("small", "large"))
    alone = Family("small in hf", 10, {"fp8": "small+fp8"})
    families = [told.families[0], alone, told.families[1]]
    other = Record(told.progress, told.tasks, families, {})
    assert answer(other, "Smaller models").estimate == answer(told, "Smaller models").estimate
    assert (
        answer(Record(told.progress, told.tasks, families[:2], {}), "Smaller models").verdict == "not asked"
    )


def test_contestants_that_have_not_played_yet_are_left_out_of_their_group():
    told = record({**LOSSES, "wanda-50": 0.9})
    few = {"s0", "s1"}
    progress = {
        (name, task): value
        for (name, task), value in told.progress.items()
        if name != "small+wanda-50" or task in few
    }
    early = answer(Record(progress, told.tasks, told.families, {}), "keeps tool use better")
    assert early.estimate == pytest.approx(answer(record(LOSSES), "keeps tool use better").estimate)
    assert "2 recipes against 2" in early.measured


def test_a_few_nearly_equal_tasks_prove_no_margin():
    families = [Family("base", 1, {"rtn-w4g128": "w4"})]
    tasks = {str(n): f"worfbench/a/{n}" for n in range(7)}
    progress = {(name, task): 0.5 for name in ("base", "w4") for task in tasks}
    progress["w4", "0"] = 0.475
    found = answer(Record(progress, tasks, families, {}), "workflow generation")
    assert found.verdict == "not decidable"
    assert found.estimate == pytest.approx(0.025 / 7)
    assert found.high > 0.3
    assert found.needed == 138  # 1 - 0.025 ** (1 / 138) is less than the 0.026 that are missing


def test_a_task_counts_once_however_many_families_have_played_it():
    once, twice = record(LOSSES), record(LOSSES, bases=("small", "copy"))
    copied = {
        (name.replace("copy", "small"), task): value
        for (name, task), value in twice.progress.items()
        if name.startswith("small")
    }
    again = {(name.replace("small", "copy"), task): value for (name, task), value in copied.items()}
    both = Record({**copied, **again}, TASKS, twice.families, {})
    for word in ("must be JSON", "keeps tool use better", "two of every four", "workflow generation loses"):
        alone, together = answer(once, word), answer(both, word)
        assert (together.cases, together.estimate) == (alone.cases, pytest.approx(alone.estimate))
        assert (together.low, together.high) == (pytest.approx(alone.low), pytest.approx(alone.high))


def test_where_nothing_was_lost_anywhere_it_is_said_how_many_tasks_would_tell():
    families = [Family("base", 1, {"rtn-w4g128": "w4"})]
    tasks = {str(n): f"worfbench/a/{n}" for n in range(16)}
    progress = {(name, task): 0.5 for name in ("base", "w4") for task in tasks}
    found = answer(Record(progress, tasks, families, {}), "workflow generation")
    assert (found.verdict, found.estimate) == ("not decidable", 0)
    assert found.needed == 122  # 0.97 ** 122 is the first power below 0.025


def test_each_family_says_what_it_found_where_there_are_several():
    alone = answer(record(LOSSES), "keeps tool use better").measured
    assert alone == "2 recipes against 2 of small"
    several = record(LOSSES, bases=("small", "large"))
    measured = answer(several, "keeps tool use better").measured
    assert measured == "+29.0: 2 recipes against 2 of small; +14.5: 2 recipes against 2 of large"
    sizes = answer(several, "Smaller models").measured
    assert sizes == "small (90 without compression) against large (90), 4 recipes"


def test_recipes_that_all_lose_the_same_are_no_correlation():
    models = {
        f"m{n}": {"loss": 3.0, "base_loss": 2.5, "top_k": {"10": {"jaccard": 0.9 - n / 11}}} for n in range(6)
    }
    models["unread"] = {"loss": None, "top_k": {"10": {"jaccard": 0.5}}}
    told = answer(Record({}, {}, [], {"models": models}), "disturb the ranking")
    assert (told.verdict, told.reason) == (
        "not asked",
        "losses or ranks of all recipes are the same, or no numbers",
    )


def test_what_a_recipe_adds_to_the_loss_of_its_own_base_is_correlated():
    models = {
        f"{base} {n}": {
            "loss": loss + n / 100,
            "base_loss": loss,
            "top_k": {"10": {"jaccard": 0.9 - n / 10}},
        }
        for base, loss, places in (("small", 3.0, (1, 2, 3)), ("large", 1.0, (4, 5, 6)))
        for n in places
    }
    told = answer(Record({}, {}, [], {"models": models}), "disturb the ranking")
    assert (told.verdict, told.estimate) == ("confirmed", pytest.approx(1.0))


def test_a_recipe_that_one_size_has_not_played_yet_is_left_out_of_both():
    told = record({**LOSSES, "wanda-50": 0.9}, bases=("small", "large"))
    progress = {
        (name, task): value
        for (name, task), value in told.progress.items()
        if name != "small+wanda-50" or task in {"s0", "s1"}
    }
    early = answer(Record(progress, told.tasks, told.families, {}), "Smaller models")
    assert early.estimate == pytest.approx(
        answer(record(LOSSES, bases=("small", "large")), "Smaller models").estimate
    )
    assert early.measured.endswith("4 recipes")
