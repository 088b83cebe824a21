"""`arena batch --dry-run`, `--shard`, `--until`; `arena merge`, `regrade`, `retry`: as users type them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from arena.cli import app
from arena.errors import UsageError
from tests.servers.fake_openai import serving

SUITE = 'name = "s"\n[[tasks]]\nbenchmark = "pddl"\nsubset = "gripper"\ncount = 3\nmax_steps = 4\n'


@pytest.fixture
def suite(tmp_path: Path) -> str:
    (tmp_path / "replies.txt").write_text("check valid actions\nnonsense\n")
    path = tmp_path / "s.toml"
    path.write_text(SUITE)
    return str(path)


def arena(*typed: object) -> Result:
    return CliRunner().invoke(app, [str(each) for each in typed], catch_exceptions=False)


def test_a_dry_run_says_what_it_would_take_and_plays_nothing(suite: str, tmp_path: Path):
    options = ("--dry-run", "--json", "--completion-price", "2")
    shown = arena("batch", suite, "-a", "expert", "-a", "random", "--out", tmp_path / "r", *options)
    document = json.loads(shown.stdout)
    assert [(row["contestant"], row["episodes"], row["turns"]) for row in document["rows"]] == [
        ("expert", 3, 12),
        ("random", 3, 12),
    ]
    assert document["total"]["episodes"] == 6
    assert document["cost"] == pytest.approx(document["total"]["reply_tokens"] * 2 / 1e6)
    assert not (tmp_path / "r").exists()


def test_shards_are_merged_regraded_and_have_nothing_to_retry(suite: str, tmp_path: Path):
    script = f"base=script:{tmp_path / 'replies.txt'}"
    for index in (1, 2):
        played = arena(
            "batch", suite, "-a", script, "--shard", f"{index}/2", "--out", tmp_path / str(index), "-q"
        )
        assert played.exit_code == 0, played.output
    merged = arena("merge", tmp_path / "1", tmp_path / "2", "--out", tmp_path / "m", "--json")
    assert json.loads(merged.stdout)["done"] == json.loads(merged.stdout)["planned"] == 3
    regraded = json.loads(arena("regrade", tmp_path / "m", "--json").stdout)
    (row,) = regraded["scores"]
    assert (row["episodes"], row["moved"], regraded["moved"]) == (3, 0, [])
    retried = json.loads(arena("retry", tmp_path / "m", "--json").stdout)
    assert retried == {"run": "m", "retried": 0, "mended": 0, "errors": []}
    # the suite's own command finds the merged run complete
    again = arena("batch", suite, "-a", script, "--out", tmp_path / "m", "-q", "--json")
    assert json.loads(again.stdout)["contestants"]["base"]["pddl"]["episodes"] == 3


def test_a_run_grows_by_what_an_earlier_one_has_finished(suite: str, tmp_path: Path):
    script = f"base=script:{tmp_path / 'replies.txt'}"
    few, all_of_it = tmp_path / "few", tmp_path / "all"
    assert arena("batch", suite, "-a", script, "--limit", "1", "--out", few, "-q").exit_code == 0
    take = ("batch", suite, "-a", script, "-a", "random", "--take", few, "--out", all_of_it, "-q", "--json")
    grown = arena(*take)
    assert f"1 of 6 episodes are taken from {few}" in grown.stderr
    scores = json.loads(grown.stdout)["contestants"]
    assert [scores[name]["pddl"]["episodes"] for name in ("base", "random")] == [3, 3]
    assert "0 of 6 episodes are taken" in arena(*take).stderr
    with pytest.raises(UsageError, match="--dry-run takes nothing"):
        arena(*take, "--dry-run")


def test_a_batch_that_is_decided_stops_with_exit_code_0(suite: str, tmp_path: Path):
    Path(suite).write_text(
        SUITE.replace("count = 3", "count = 20").replace("max_steps = 4", "max_steps = 30")
    )
    played = arena(
        *("batch", suite, "-a", "expert", "-a", f"base=script:{tmp_path / 'replies.txt'}", "--repeats", "1"),
        *("--until", "decisive", "--out", tmp_path / "r", "--json", "-q", "--jobs", "2"),
    )
    assert played.exit_code == 0, played.output
    assert "stopped: decided: base: worse" in played.stderr
    assert "episodes were not needed" in played.stderr
    again = arena(
        *("batch", suite, "-a", "expert", "-a", f"base=script:{tmp_path / 'replies.txt'}"),
        *("--until", "decisive", "--out", tmp_path / "r", "--json", "-q"),
    )
    assert json.loads(again.stdout) == json.loads(played.stdout), "decided once, nothing more is played"


def test_a_replay_is_decided_too(suite: str, tmp_path: Path):
    Path(suite).write_text(SUITE.replace("count = 3", "count = 20"))
    first = tmp_path / "first"
    assert arena("batch", suite, "-a", "random", "--out", first, "-q").exit_code == 0
    # blocks of 16 and 4 tasks, and the engines are opened for each
    played = arena(
        *("batch", suite, "-a", f"a=replay:{first}", "-a", f"b=replay:{first}", "--until", "decisive"),
        *("--out", tmp_path / "again", "--json", "-q"),
    )
    assert played.exit_code == 0, played.output
    scores = json.loads(played.stdout)["contestants"]
    assert [scores[name]["pddl"]["episodes"] for name in "ab"] == [20, 20]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_events_that_can_not_be_written_end_no_run(suite: str, tmp_path: Path):
    typed = ("batch", suite, "-a", "random", "--out", tmp_path / "r", "--events", "/dev/full", "--json")
    command = [sys.executable, "-m", "arena", *map(str, typed)]
    played = subprocess.run(command, capture_output=True, text=True)
    assert played.returncode == 0, played.stderr
    assert json.loads(played.stdout)["contestants"]["random"]["pddl"]["episodes"] == 3
    assert played.stderr.count("--events /dev/full can't be written any more: No space left") == 1


@pytest.mark.network_server
def test_a_server_that_counts_no_tokens_is_stopped_by_an_estimate(suite: str, tmp_path: Path):
    with serving([{"text": "look", "usage": False}]) as server:
        limits = ("--max-cost", "0.01", "--prompt-price", "1", "--max-tokens-total", "1500")
        typed = ("batch", suite, "-a", f"base={server.spec},concurrency=1", "--out", tmp_path / "r", "-q")
        stopped = arena(*typed, *limits)
        assert 1 < len(server.asked()) < 12
    assert stopped.exit_code == 1
    assert stopped.stderr.count("the server of base counts no tokens") == 1
    assert "the limit of 1,500 tokens is reached (by an estimate" in stopped.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--until", "bored"), "--until bored is not known"),
        (("--max-cost", "3"), "needs a price"),
        (("--shard", "3/2"), "no part of a whole"),
    ],
)
def test_options_that_make_no_sense_are_refused(suite: str, options: tuple[str, str], message: str):
    with pytest.raises(UsageError, match=message):
        arena("batch", suite, "-a", "expert", *options)


def test_merging_one_run_and_retrying_an_unknown_kind_are_refused(tmp_path: Path):
    with pytest.raises(UsageError, match="two runs or more"):
        arena("merge", "a", "--out", tmp_path / "m")
    with pytest.raises(UsageError, match="no kind of error"):
        arena("retry", "a", "--only", "bad luck")


def test_presets_and_own_contestants_are_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "c.toml").write_text('[mine]\nspec = "random"\nseed = 3\n')
    monkeypatch.setenv("ARENA_CONTESTANTS", str(tmp_path / "c.toml"))
    listed = {each["form"]: each for each in json.loads(arena("agents", "--json").stdout)}
    assert listed["gemma-2-2b"]["options"] == {"stop": ["<end_of_turn>"], "system_role": False}
    assert listed["mine"]["what"] == "random,seed=3"
