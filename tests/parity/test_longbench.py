"""LongBench's own scores of recorded replies, reproduced."""

import json
from collections import Counter
from pathlib import Path

import pytest

from envs.longbench.metrics import score_row

pytestmark = pytest.mark.shared


def test_every_recorded_reply_scores_as_the_original_scored_it(shared: Path, capsys) -> None:
    rows = json.loads((shared / "parity/longbench.json").read_text(encoding="utf-8"))
    wrong = []
    for row in rows:
        expected = 0.0 if row.get("raises") else row["score"]
        ours = score_row(row)
        if ours != pytest.approx({"score": expected}, abs=1e-6):
            wrong.append((row, ours))
    with capsys.disabled():
        counts = ", ".join(f"{name} {count}" for name, count in Counter(r["metric"] for r in rows).items())
        print(f"\nlongbench: {len(rows)} rows compared ({counts})")
    assert not wrong
