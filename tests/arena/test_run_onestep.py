"""One-step benchmarks through the contest: whole replies, typed failures, requests without a template."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))
from test_run import play

from arena.contestant import Contestant, agent_settings
from arena.plan import Plan
from arena.protocol.base import FailureKind
from arena.records import TurnPlayed
from arena.report.document import scores_document
from arena.suite import expand, parse_suite


def plan_of(task: str) -> Plan:
    benchmark = task.partition("/")[0]
    suite = parse_suite(f'name = "one"\n[[tasks]]\nbenchmark = "{benchmark}"\nids = ["{task}"]\n', "one")
    contestant = Contestant("base", "base", {}, agent_settings(suite.settings, {}), {"engine": {"name": "b"}})
    return Plan(suite, [contestant], expand(suite), 1)


@pytest.mark.parametrize(
    ("task", "reply", "kind"),
    [
        ("teval/instruct-json/0", "I call a tool.", FailureKind.NO_ACTION),
        ("teval/instruct-json/0", '{"name":', FailureKind.NOT_JSON),
        ("teval/rru-json/0", "{name: x}", FailureKind.NOT_JSON),
        ("teval/instruct-str/0", "I call a tool.", None),
    ],
)
def test_json_that_teval_cannot_read_is_a_failure_of_a_known_kind(task, reply, kind, tmp_path):
    _, events, _ = play(plan_of(task), tmp_path / "r", {"base": lambda request: reply})
    (turn,) = [event.turn for event in events if isinstance(event, TurnPlayed)]
    assert (turn.failure.kind if turn.failure else None) == kind
    assert turn.action == reply
    scores = scores_document(tmp_path / "r")["contestants"]["base"]["teval"]
    assert scores["valid_call_rate"] == (0 if kind else 1)


@pytest.mark.parametrize(("task", "plain"), [("longbench/trec/0", True), ("longbench/hotpotqa/0", False)])
def test_the_datasets_that_longbench_asks_without_a_chat_template_are_asked_so(task, plain, tmp_path):
    _, _, engines = play(plan_of(task), tmp_path / "r", {"base": lambda request: "x"})
    (request,) = engines["base"].asked
    assert request.plain is plain
