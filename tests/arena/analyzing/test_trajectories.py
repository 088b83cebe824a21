"""An agent's own trajectories, played by tiny models on a toy benchmark and read again from the record."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from arena.analyzing.models import Opened, candidates, candidates_of_run
from arena.analyzing.passages import OVERALL
from arena.analyzing.study import Source, study
from arena.analyzing.trajectories import Account, contestant_of, trajectories
from arena.errors import StoreError, UsageError
from arena.lineup import line_up
from arena.plan import read_plan
from arena.run import play_run
from arena.suite import parse_suite

SUITE = """
name = "ladders"
[settings]
protocol = "json"
max_tokens = 5
[[tasks]]
benchmark = "ladder"
ids = ["ladder/1", "ladder/3"]
max_steps = 2
"""


@pytest.fixture
def run(ladder: type, models: Path, tmp_path: Path) -> Path:
    """A run of `base`, `coarse` and `expert`: two tasks, at most two turns each."""
    typed = [f"base=hf:{models / 'base'}", f"coarse=hf:{models / 'coarse'}", "expert"]
    plan, engines = line_up(parse_suite(SUITE, "ladders"), typed)
    asyncio.run(play_run(plan, tmp_path / "run", engines, lambda _: None))
    return tmp_path / "run"


def passages_of(run: Path, name: str, reader: Opened) -> tuple[list, Account]:
    account = Account()
    return list(trajectories(run, contestant_of(run, name), reader, account)), account


def decoded(reader: Opened, tokens: np.ndarray) -> str:
    return reader.loaded.tokenizer.decode(tokens.tolist())


def test_each_turn_is_the_prompt_as_sent_and_the_reply_as_given(run: Path, opened: Callable[[str], Opened]):
    base = opened("base")
    passages, account = passages_of(run, "expert", base)
    assert (account.turns, account.unlike, account.cut) == (3, 0, 0)
    assert account.benchmarks == {"ladder": 3}
    for passage in passages:
        reply = passage.tokens[passage.groups[OVERALL]]
        assert decoded(base, reply) == '{"name":"up","arguments":{}}'
        assert passage.groups[OVERALL][-len(reply) :].all()
        named = passage.tokens[passage.groups["part:tool name"]]
        assert decoded(base, named) == "up"
    assert "Climb to the top." in decoded(base, passages[0].tokens)


def test_of_a_prompt_only_what_is_new_counts(run: Path, opened: Callable[[str], Opened]):
    base = opened("base")
    passages, _ = passages_of(run, "expert", base)
    prompts = [passage.tokens[passage.groups["part:prompt"]] for passage in passages]
    lengths = [int((~passage.groups[OVERALL]).sum()) for passage in passages]
    assert [len(prompts[0]), len(prompts[1])] == [lengths[0] - 1, lengths[1] - 1]  # two tasks' first turns
    assert len(prompts[2]) < lengths[2] / 2
    assert "rung 1" in decoded(base, prompts[2])
    assert "Climb" not in decoded(base, prompts[2])


def test_a_models_own_replies_are_read_as_it_wrote_them(run: Path, opened: Callable[[str], Opened]):
    passages, account = passages_of(run, "base", opened("base"))
    db = sqlite3.connect(run / "run.sqlite")
    replies = [
        reply
        for (reply,) in db.execute(
            "SELECT reply FROM turn t JOIN episode e ON e.id = t.episode_id WHERE contestant = 'base'"
            " ORDER BY e.id, idx"
        )
    ]
    assert account.turns == len([reply for reply in replies if reply])
    found = [decoded(opened("base"), p.tokens[p.groups[OVERALL]]) for p in passages]
    assert found == [reply for reply in replies if reply]


def test_prompts_that_come_out_otherwise_are_left_out_and_counted(
    run: Path, opened: Callable[[str], Opened], ladder: type, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(ladder, "goal", lambda self: "Another goal.")
    account = Account()
    with pytest.raises(UsageError, match="none of the 3 prompts of expert"):
        list(trajectories(run, contestant_of(run, "expert"), opened("base"), account))
    assert account.unlike == 3


def test_turns_longer_than_the_context_lose_the_beginning_of_their_prompts(
    run: Path, opened: Callable[[str], Opened], monkeypatch: pytest.MonkeyPatch
):
    base = opened("base")
    whole, _ = passages_of(run, "expert", base)
    short = Opened("short", base.loaded.__class__(base.loaded.model, base.loaded.tokenizer, frozenset(), 100))
    # the expert's prompts don't depend on the reader's window, so they are built again all the same
    cut, account = passages_of(run, "expert", short)
    assert account.cut == account.turns == 3
    for before, after in zip(whole, cut, strict=True):
        assert after.tokens.tolist() == before.tokens[-100:].tolist()
        assert after.groups[OVERALL].sum() == before.groups[OVERALL].sum()


def test_a_study_of_a_run_tells_drift_by_benchmark_and_part(run: Path):
    base, *others = candidates_of_run(run)
    assert [base.name, *(each.name for each in others)] == ["base", "coarse"]
    document = study(base, others, Source(run=run, contestant="expert"), None, lambda *_: None)
    groups = document["models"]["coarse"]["by_group"]
    assert groups["benchmark:ladder"]["tokens"] == document["source"]["tokens"]
    assert {"part:prompt", "part:tool name", "part:syntax"} <= groups.keys()
    parts = [
        each["tokens"] for name, each in groups.items() if name not in ("part:prompt", "benchmark:ladder")
    ]
    assert sum(parts) == document["source"]["tokens"]
    assert "at least 4" in document["predictors"]["reason"]


@pytest.mark.parametrize(
    ("name", "why"), [("nobody", "has no contestant 'nobody'"), ("expert", "has played no turn")]
)
def test_nothing_to_read_is_one_sentence(run: Path, opened: Callable[[str], Opened], name: str, why: str):
    db = sqlite3.connect(run / "run.sqlite")
    db.execute("UPDATE episode SET status = 'error' WHERE contestant = 'expert'")
    db.commit()
    with pytest.raises(UsageError, match=why):
        passages_of(run, name, opened("base"))


def test_a_models_contestant_is_found_by_name_or_by_weights(run: Path, models: Path):
    from arena.analyzing.predictors import contestants_of

    given = candidates([f"other={models / 'coarse'}", f"base={models / 'fine'}", str(models / "pruned")])
    assert contestants_of(run, given) == {"other": "coarse", "base": "base"}
    assert [each["name"] for each in read_plan(run)["contestants"]] == ["base", "coarse", "expert"]


def test_a_record_that_lost_a_turn_is_one_sentence(run: Path, opened: Callable[[str], Opened]):
    with sqlite3.connect(run / "run.sqlite") as db:
        db.execute(
            "DELETE FROM turn WHERE idx = 0 AND episode_id IN"
            " (SELECT id FROM episode WHERE contestant = 'expert' AND task = 'ladder/3')"
        )
    with pytest.raises(StoreError, match="the record of ladder/3 lacks turn 1"):
        passages_of(run, "expert", opened("base"))
