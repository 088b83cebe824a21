"""WorfBench's own scores of recorded replies, reproduced."""

import json
from pathlib import Path

import pytest

from envs.embedding import encoder
from envs.workflow.scoring import score_row

pytestmark = pytest.mark.shared


def test_every_recorded_reply_scores_as_the_original_scored_it(shared: Path, capsys) -> None:
    rows = json.loads((shared / "parity/worfbench.json").read_text(encoding="utf-8"))
    wrong = []
    for row in rows:
        ours = score_row(row, encoder("hashing"))
        for kind in ("chain", "graph"):
            stopped = row.get("raises") or "raises" in row[kind]
            expected = dict.fromkeys(ours[kind], 0.0) if stopped else row[kind]
            if ours[kind] != pytest.approx(expected, abs=1e-6):
                wrong.append((row["id"], kind, ours[kind], expected))
    with capsys.disabled():
        print(f"\nworfbench: {len(rows)} rows compared")
    assert not wrong
