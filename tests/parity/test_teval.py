"""T-Eval's own scores of recorded replies, reproduced."""

import json
import math
from collections import Counter
from pathlib import Path

import pytest

from envs.embedding import encoder
from envs.teval.scoring import score_row

pytestmark = pytest.mark.shared


def test_every_recorded_reply_scores_as_the_original_scored_it(shared: Path, capsys) -> None:
    rows = json.loads((shared / "parity/teval.json").read_text(encoding="utf-8"))
    wrong, counts = [], Counter()
    for row in rows:
        ours = score_row(row, encoder("hashing"))
        counts["raises" if "raises" in row["scores"] else "scored"] += 1
        expected = row["scores"]
        if "raises" in expected:
            expected = dict.fromkeys(ours, 0.0)
        # the original averages over no records of the other form, which gives NaN
        expected = {name: value for name, value in expected.items() if not math.isnan(value)}
        if ours != pytest.approx(expected, abs=1e-6):
            wrong.append((row["ability"], row["form"], row["prediction"], ours, expected))
    with capsys.disabled():
        print(f"\nteval: {len(rows)} rows compared, {counts['raises']} of which stop the original")
    assert not wrong
