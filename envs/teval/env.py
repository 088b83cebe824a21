"""T-Eval as an environment: one request for one ability of using tools, one reply."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from envs.onestep import EncodedEnv, Graded, Scoring
from envs.teval.loading import as_recorded
from envs.teval.scoring import Record, headline, record_of, score


class TEvalEnv(EncodedEnv):
    """Six abilities, one record each. Progress is what counts for the ability; success is all of it."""

    benchmark = "teval"

    @property
    def reply_json(self) -> bool:
        """Whether the running record asks for JSON."""
        data = self._data()
        return data["form"] == "json" and data["ability"] != "review"  # a review is a letter in both forms

    def messages(self) -> Sequence[Mapping[str, str]]:
        """Return the record's own chat messages."""
        return self._data()["origin_prompt"]

    def expert(self) -> Sequence[str]:
        """Return the gold reply."""
        data = self._data()
        return [data["expert"] if "expert" in data else gold_reply(record_of(data))]

    def _data(self) -> Mapping[str, Any]:
        assert self.task is not None
        return self.task.data

    def _grade(self, reply: str, scoring: Scoring) -> Graded:
        reply = as_recorded(reply) if scoring == "faithful" else reply.strip()
        scores = score(reply, record_of(self._data()), self._encoder, scoring)
        readable = scores.get("parse_rate", next(iter(scores.values())))
        return Graded(scores, headline(scores), readable=readable > 0)


def gold_reply(record: Record) -> str:
    """Return the reply that says what a record's ground truth says, in the form that it asks for."""
    gold, template = record.ground_truth, record.template
    if record.ability == "instruct" and record.form == "json":
        return json.dumps(
            {template["thought"]: "", template["action"]: gold["action"], template["args"]: gold["args"]}
        )
    if record.ability == "instruct":
        parts = {"thought": "", "action": gold["action"], "args": gold["args"]}
        return "".join(f"{template[f'{p}_start']}{value}{template[f'{p}_end']}" for p, value in parts.items())
    if record.ability == "review":
        return f"Answer: {gold['answer']}"
    if record.ability == "plan":
        steps = gold if isinstance(gold, list) else []
        if record.form == "json":
            return json.dumps(gold)
        return "\n".join(f"{step['name']} {step['args']}" for step in steps)
    if record.ability == "reason_retrieve_understand":
        return gold if isinstance(gold, str) else json.dumps(gold)
    key = {"reason": "thought", "retrieve": "name", "understand": "args"}[record.ability]
    return str(gold.get(key, "")) if isinstance(gold, dict) else ""
