"""A turn beside its base: the token where they part, whether it is to blame, and what is only noise."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_models import greedy
from typer.testing import CliRunner

from arena.analyzing.trajectories import Account
from arena.cli import app
from arena.divergence import (
    Pair,
    TurnDivergence,
    comparable,
    diverge_episode,
    diverge_run,
    diverge_turn,
    first_failures,
    most_telling,
    open_pair,
    tally,
)
from arena.divergence.strands import sent_turns, strands
from arena.divergence.tables import TOKEN_COLUMNS, token_rows, verdict
from arena.errors import Unsupported, UsageError
from arena.filtering import parse
from arena.records import Turn
from arena.store.reader import RunReader

Play = Callable[[list[str], Path], Path]
PARTED_AT = 7


@pytest.fixture
def pair(run: Path) -> Pair:
    return open_pair(run, "broken")


def recorded(run: Path, contestant: str) -> list[Turn]:
    reader = RunReader(run)
    try:
        episode = next(each for each in reader.episodes() if each.key.contestant == contestant)
        return reader.turns(episode)
    finally:
        reader.close()


def telling_turn(pair: Pair) -> TurnDivergence:
    telling = most_telling(pair.run, "base", ["broken"], parse("", "base"))
    return diverge_turn(pair, telling.key, telling.turn)


def test_the_broken_weight_is_found_at_the_token_where_both_models_part(pair: Pair):
    base, broken = recorded(pair.run, "base")[0].reply, recorded(pair.run, "broken")[0].reply
    assert (base, broken) == ("bpsltppiw", "bpsltppeeeee")  # each played by itself, in the engine
    found = telling_turn(pair)
    assert (found.turn, found.reply) == (0, broken)
    assert [token.text for token in found.tokens] == list(broken)
    assert [token.place for token in found.tokens if token.label == "same"][:PARTED_AT] == list(range(7))
    assert found.first is found.marked is found.tokens[PARTED_AT]
    assert found.marked.label == "compression"
    assert (found.marked.base[0].text, found.marked.other[0].text) == ("i", "e")
    assert found.marked.base_rank > 1 == found.marked.other_rank


def test_the_base_going_on_from_before_the_token_writes_its_own_reply(pair: Pair):
    found = telling_turn(pair)
    assert found.cause.without.reply == found.cause.without.action == "bpsltppiw"
    assert found.cause.after.reply.startswith("bpsltppe")
    assert found.cause.after.reply != found.reply  # the base doesn't go on writing the broken letter
    assert not found.cause.comes_back
    assert found.cause.tried == 1


def test_what_the_base_goes_on_with_is_what_transformers_would_generate(pair: Pair):
    (turn,) = sent_turns(
        pair, Account(), most_telling(pair.run, "base", ["broken"], parse("", "base")).key, 0
    )
    begun = [*turn.prompt, *turn.reply[: PARTED_AT + 1]]
    left = 12 - PARTED_AT - 1
    expected = pair.chat.decode(greedy(pair.base.loaded.model, begun, left)).partition("x")[0]
    assert telling_turn(pair).cause.after.reply == turn.sent.turn.reply[: PARTED_AT + 1] + expected


def test_a_reply_that_the_base_would_have_written_has_no_token_to_blame(run: Path):
    pair = open_pair(run, "same")
    key = most_telling(run, "base", ["same"], parse("", "base")).key
    found = diverge_turn(pair, key, 0)
    assert (found.first, found.cause, found.searched) == (None, None, True)
    assert {token.label for token in found.tokens} == {"same"}
    assert max(token.kl for token in found.tokens) < 1e-6
    assert "would have written this very reply" in verdict(found)[0]


def test_no_more_is_said_than_was_tried(pair: Pair):
    found = telling_turn(pair)
    (token,) = [each for each in found.tokens if each.place == PARTED_AT]
    (few, _), (many, _) = (verdict(replace(found, tokens=(token,) * count, cause=None)) for count in (32, 60))
    assert "going on from any of the 32 that differ" in few
    assert "any of the first 32 that differ" in many and many.endswith("the other 28 were not tried")


def test_a_difference_below_the_noise_is_numerics(pair: Pair, monkeypatch: pytest.MonkeyPatch):
    """A base that differs from itself by 10 nats in another batch can't blame compression for less."""
    import arena.divergence.scoring as scoring

    noise = scoring._noise
    monkeypatch.setattr(scoring, "_noise", lambda again, scores: noise(again, scores) + 10.0)
    found = telling_turn(pair)
    assert found.tokens[PARTED_AT].label == "numerics"
    assert found.first is None


def test_the_noise_is_the_bases_own_difference_between_batches(pair: Pair):
    found = telling_turn(pair)
    assert 0 < found.noise < 1e-3  # float32; a padded batch and single tokens give other last digits


def test_turns_that_go_on_from_one_another_are_read_as_one_sequence(pair: Pair):
    key = most_telling(pair.run, "base", ["broken"], parse("", "base")).key
    turns = list(sent_turns(pair, Account(), key))
    for strand in strands(turns, 0):
        for turn in strand.turns:
            assert tuple(strand.tokens[: len(turn.tokens)]) == turn.tokens


def test_an_episode_read_in_one_pass_says_what_its_turns_say_alone(pair: Pair):
    key = most_telling(pair.run, "base", ["broken"], parse("", "base")).key
    for together in diverge_episode(pair, key):
        alone = diverge_turn(pair, key, together.turn, search=False)
        assert not together.searched
        for one, other in zip(together.tokens, alone.tokens, strict=True):
            assert (one.token_id, one.label, one.base_rank) == (other.token_id, other.label, other.base_rank)
            assert one.kl == pytest.approx(other.kl, abs=1e-4)


def test_a_run_is_added_up_by_the_parts_of_its_replies(pair: Pair):
    turns = list(diverge_run(pair, Account(), search=first_failures(1)))
    found = tally("broken", "base", turns)
    assert found.turns == len(turns) == 6
    assert found.searched == found.caused == 1
    assert found.apart == sum(turn.first is not None for turn in turns)
    assert sum(part.tokens for part in found.parts.values()) == sum(len(turn.tokens) for turn in turns)
    assert sum(part.first for part in found.parts.values()) == found.apart


def test_the_most_telling_turn_is_one_that_only_the_compressed_contestant_failed(run: Path):
    telling = most_telling(run, "base", ["same", "broken"], parse("", "base"))
    assert (telling.key.contestant, telling.turn) == ("broken", 0)
    assert telling.same_prompt and telling.other_action


def test_a_filter_chooses_among_the_turns(run: Path):
    telling = most_telling(run, "base", ["broken"], parse("task:ladder/3 turn:2", "base"))
    assert (telling.key.task, telling.turn) == ("ladder/3", 1)
    with pytest.raises(UsageError, match="turn:9"):
        most_telling(run, "base", ["broken"], parse("turn:9", "base"))


def test_a_run_that_was_played_in_vllm_is_read_by_transformers_from_the_same_weights(
    run: Path, tmp_path: Path
):
    served = shutil.copytree(run, tmp_path / "served")
    plan = (served / "run.toml").read_text("utf-8")
    plan = plan.replace('spec = "hf:', 'spec = "vllm:').replace('engine = "hf"', 'engine = "vllm"')
    (served / "run.toml").write_text(plan, encoding="utf-8")
    assert comparable(served) == ["same", "broken"]
    telling = most_telling(served, "base", ["broken"], parse("", "base"))
    found = [diverge_turn(open_pair(each, "broken"), telling.key, telling.turn) for each in (run, served)]
    assert found[0].first and found[0].first == found[1].first


def test_contestants_without_weights_are_refused_before_anything_is_loaded(run: Path):
    assert comparable(run) == ["same", "broken"]
    with pytest.raises(Unsupported, match=r"expert .* weights and logits are not in this process"):
        open_pair(run, "expert")
    with pytest.raises(UsageError, match="base is the baseline"):
        open_pair(run, "base")


@pytest.mark.parametrize("who", ["base", "coarse"])
def test_a_contestant_whose_cache_was_rounded_is_read_with_a_rounded_cache(
    who: str, play: Play, models: Path, tmp_path: Path
):
    """What was written is what each then says comes next, also token by token and going on from it."""
    caches = {"base": f"base=hf:{models / 'base'}", "coarse": f"coarse=hf:{models / 'base'},kv_bits=2"}
    first = caches.pop(who)
    run = play([first, *caches.values()], tmp_path / "rounded")
    (other,) = caches
    found = list(diverge_run(open_pair(run, other), Account(), search=lambda turn: True))
    tokens = [token for turn in found for token in turn.tokens]
    assert {token.other_rank for token in tokens} == {1}
    parted = [turn for turn in found if turn.first]
    assert parted
    assert all(turn.first.label == "compression" for turn in parted)
    begun = [turn for turn in parted if turn.turn == 0]
    # before the first turn both have seen the same, so its base goes on as it has played
    assert {turn.cause.without.reply for turn in begun} == ({recorded(run, who)[0].reply} if begun else set())
    assert bool(begun) == (who == "coarse")


def test_a_baseline_without_weights_is_refused(play: Play, models: Path, tmp_path: Path):
    run = play(["expert", f"base=hf:{models / 'base'}"], tmp_path / "other")
    with pytest.raises(Unsupported, match="expert"):
        comparable(run)


def test_weights_that_have_changed_since_the_run_are_refused(
    play: Play, models: Path, tmp_path: Path, damage_head: Callable[..., Path]
):
    folder = shutil.copytree(models / "broken", tmp_path / "later")
    run = play([f"base=hf:{models / 'base'}", f"later=hf:{folder}"], tmp_path / "other")
    shutil.rmtree(folder)
    damage_head(models / "base", folder, lambda head: head.mul_(2))
    with pytest.raises(UsageError, match="the weights of later are not those that played"):
        open_pair(run, "later")


def test_another_model_is_no_control(run: Path, models: Path):
    with pytest.raises(UsageError, match="is no control"):
        open_pair(run, "broken", control=f"hf:{models / 'broken'}")
    pair = open_pair(run, "broken", control=f"hf:{models / 'base'}")
    assert "another engine" in telling_turn(pair).control


def test_the_table_fits_80_columns_and_marks_the_token(run: Path):
    result = CliRunner().invoke(app, ["divergence", str(run), "--contestant", "broken"])
    assert result.exit_code == 0, result.output
    table = [line for line in result.stdout.splitlines() if line.startswith(">  ")]
    assert len(table) == 1 and table[0].split()[1:3] == [str(PARTED_AT), "e"]
    rows = [line for line in result.stdout.splitlines() if "other text" in line and "%" not in line]
    assert max(map(len, rows)) <= 80


def test_the_json_document_is_the_turn(run: Path):
    result = CliRunner().invoke(
        app, ["divergence", str(run), "--contestant", "broken", "--turn", "1", "--json"]
    )
    document = json.loads(result.stdout)
    assert (document["contestant"], document["turn"], document["marked"]) == ("broken", 1, PARTED_AT)
    assert document["cause"]["comes_back"] is False
    assert len(document["tokens"][PARTED_AT]["base"]) == 5


def test_control_characters_in_tokens_stay_off_the_screen(pair: Pair):
    found = telling_turn(pair)
    hostile = replace(found.tokens[PARTED_AT], text="\x1b[31m\u202eevil")
    rows = list(token_rows(replace(found, tokens=(*found.tokens[:PARTED_AT], hostile))))
    assert all(cell.isprintable() for row in rows for cell in row)
    assert {len(row) for row in rows} == {len(TOKEN_COLUMNS)}


def test_a_contestants_name_is_neither_markup_nor_an_escape(run: Path):
    plan = run / "run.toml"
    plan.write_text(plan.read_text().replace('name = "broken"', 'name = "[/x]\\u001b[31mred"'))
    with sqlite3.connect(run / "run.sqlite") as db:
        db.execute("UPDATE episode SET contestant = ? WHERE contestant = 'broken'", ("[/x]\x1b[31mred",))
    for more in ([], ["--all"]):
        result = CliRunner().invoke(app, ["divergence", str(run), *more])
        assert result.exit_code == 0, result.exception
        assert "[/x]\u241b[31mred beside base" in result.stdout
        assert "\x1b" not in result.output


def test_replies_of_models_that_know_no_end_token_are_read_to_their_last_token(pair: Pair):
    endless = replace(pair.other, loaded=replace(pair.other.loaded, stop_ids=frozenset()))
    found, usual = telling_turn(replace(pair, other=endless)), telling_turn(pair)
    assert [token.text for token in found.tokens] == [
        token.text for token in usual.tokens if token.part != "end"
    ]
    assert found.marked == usual.marked


@pytest.mark.parametrize(
    ("stop", "reply", "said"),
    [("e", "bpsltpp", "gone on otherwise"), ("t", "bpsl", "would have written this very reply")],
)
def test_where_a_stop_string_ends_a_reply_the_base_is_held_to_what_came_next(
    play: Play, models: Path, tmp_path: Path, stop: str, reply: str, said: str
):
    typed = [f"base=hf:{models / 'base'}", f"stopped=hf:{models / 'broken'},stop={stop}"]
    run = play(typed, tmp_path / "stops")
    telling = most_telling(run, "base", ["stopped"], parse("turn:1", "base"))
    found = diverge_turn(open_pair(run, "stopped"), telling.key, telling.turn)
    assert (found.reply, found.marked) == (reply, None)
    assert said in verdict(found)[0]
