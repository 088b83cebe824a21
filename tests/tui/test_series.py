from arena.records import Episode, EpisodeEnded, EpisodeKey, EpisodeStarted, Notice, ReplyText, TurnPlayed
from tests.tui.fakes import card, turn
from tui.series import CostsRead, RecordedEpisode, Series, TurnBegan
from tui.stage import Cost


def series(**options) -> Series:
    return Series(card(), [], **options)


def key(name: str = "base", match: int = 0) -> EpisodeKey:
    return card().matches[match].key(name)


def started(which: EpisodeKey, resumed_turns: int = 0) -> EpisodeStarted:
    return EpisodeStarted(which, "goal", "first", 20, resumed_turns)


def head(which: EpisodeKey, turns: int, status: str = "done", *, success: bool = False) -> Episode:
    return Episode(1, which, status, 1, "goal", "first", turns, 0.5, success)


def test_a_standing_counts_scored_episodes_only():
    known = Series(card(), [head(key(match=1), 4, success=True), head(key(match=2), 2, "error")])
    known.hear(started(key()))
    known.hear(EpisodeEnded(key(), "error", 0.9, False, 3, "server down"))
    known.hear(started(key(), resumed_turns=3))
    known.hear(EpisodeEnded(key(), "done", 1.0, True, 5))
    known.hear(EpisodeEnded(key(), "done", 1.0, True, 5))
    standing = known.standings["base"]
    assert (standing.episodes, standing.successes, standing.mean_progress) == (2, 2, 0.75)
    assert known.standings["awq"].mean_progress is None


def test_a_turn_costs_once_however_often_it_is_told():
    known = series()
    known.hear(CostsRead({key(): Cost(2, 100, 4.0)}))
    for index in (1, 2, 2):
        known.hear(TurnPlayed(key(), turn(index, completion_tokens=10, latency_s=1.0)))
    assert known.standings["base"].cost == Cost(3, 110, 5.0)


def test_an_attempt_that_is_played_anew_replaces_the_cost_and_turns_of_the_one_before():
    known = series()
    known.hear(started(key()))
    known.hear(TurnPlayed(key(), turn(0, completion_tokens=10, latency_s=1.0)))
    known.hear(started(key()))
    assert known.standings["base"].cost == Cost()
    assert known.stage["base"].turns == []


def test_streamed_text_is_kept_until_its_turn_is_played():
    known = series(announces_turns=True)
    known.hear(started(key()))
    known.hear(TurnBegan(key(), 0))
    known.hear(ReplyText(key(), 0, "Act"))
    known.hear(ReplyText(key(), 0, "ion: up"))
    assert known.flights[key()].text() == "Action: up"
    known.hear(TurnPlayed(key(), turn(0)))
    known.hear(ReplyText(key(), 0, "too late"))
    assert known.flights == {}


def test_turns_of_matches_that_are_not_on_stage_are_not_kept():
    known = series()
    known.hear(started(key(match=1)))
    known.hear(TurnPlayed(key(match=1), turn(0)))
    assert known.stage["base"].turns == []
    assert known.heads[key(match=1)].turns == 1
    known.put_on_stage(1)
    assert known.needs_loading()


def test_turns_that_come_while_the_record_is_read_are_neither_lost_nor_doubled():
    known = series()
    known.hear(started(key(match=1)))
    known.hear(TurnPlayed(key(match=1), turn(0)))
    known.put_on_stage(1)
    known.hear(TurnPlayed(key(match=1), turn(1)))
    known.load(1, [RecordedEpisode(head(key(match=1), 1, "running"), [turn(0)], 20)])
    assert known.needs_loading()
    known.load(1, [RecordedEpisode(head(key(match=1), 2, "running"), [turn(0), turn(1)], 20)])
    known.hear(TurnPlayed(key(match=1), turn(1)))
    known.hear(TurnPlayed(key(match=1), turn(2)))
    assert [each.index for each in known.stage["base"].turns] == [0, 1, 2]
    assert not known.needs_loading()


def test_a_record_that_arrives_after_the_stage_has_changed_is_ignored():
    known = series()
    known.put_on_stage(1)
    known.load(0, [RecordedEpisode(head(key(), 1), [turn(0)], 20)])
    assert known.stage["base"].turns == []


def test_a_steered_match_begins_with_its_first_turn_and_a_watched_one_with_its_episodes():
    for announces, begun in ((True, 0), (False, 1)):
        known = series(announces_turns=announces)
        known.hear(started(key()))
        assert known.match_begun == 0
        known.hear(EpisodeEnded(key(), "done", 1.0, True, 5))
        known.hear(started(key(match=1)))
        assert known.match_begun == begun
        known.hear(TurnBegan(key(match=1), 0))
        assert known.match_begun == 1


def test_a_batch_that_plays_matches_at_once_is_followed_in_one_until_that_is_over():
    known = series()
    known.hear(started(key()))
    known.hear(started(key(match=1)))
    assert known.match_begun == 0
    known.hear(EpisodeEnded(key(), "done", 1.0, True, 5))
    known.hear(started(key(match=2)))
    assert known.match_begun == 2


def test_contestants_and_tasks_outside_the_plan_are_ignored():
    known = series()
    stranger = EpisodeKey("stranger", "pddl/gripper/0", "hash0", 0, 0)
    elsewhere = EpisodeKey("base", "other", "other", 0, 0)
    for which in (stranger, elsewhere):
        known.hear(started(which))
        known.hear(TurnPlayed(which, turn(0)))
        known.hear(EpisodeEnded(which, "done", 1.0, True, 1))
    assert known.heads == {}
    assert Series(card(), [head(stranger, 1)]).heads == {}


def test_a_notice_says_who_cannot_start_and_why():
    known = series()
    known.hear(Notice("awq can't start: no tokenizer", {"contestant": "awq"}))
    known.hear(Notice("disk is nearly full"))
    assert known.absent == {"awq": "awq can't start: no tokenizer"}
