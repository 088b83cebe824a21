import tomllib
from pathlib import Path

import tomli_w

from arena.study.document import study_document
from arena.study.lineup import calibrated_recipes
from tests.arena.report.made_runs import make_run


def test_how_much_text_was_shown_is_known_from_another_folder_too(tmp_path: Path):
    calibrated_recipes(["wanda-2:4"], 16, 64, tmp_path / "out/recipes")
    scores = {name: {"teval": [1.0, 0.0]} for name in ("hf:m", "hf:m+out/recipes/wanda-2of4.toml")}
    run = make_run(tmp_path / "out/run", scores)
    plan = tomllib.loads((run / "run.toml").read_text())
    for contestant in plan["contestants"]:
        contestant["identity"]["settings"] = {}
    plan["machine"] = {"cores": 2, "processor": "x86_64"}
    (run / "run.toml").write_text(tomli_w.dumps(plan))
    assert study_document(run)["calibration"] == ["16 x 64"]
    (tmp_path / "out/recipes/wanda-2of4.toml").unlink()
    assert study_document(run)["calibration"] == []
