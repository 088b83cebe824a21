"""Logs of other harnesses become runs of our store: what they hold, and nothing that they don't."""

import json
import shutil
from pathlib import Path

import pytest

from arena.errors import UsageError
from arena.outside.importing import import_logs
from arena.records import TurnPlayed
from arena.report.document import report_document
from arena.report.tables import import_remarks
from arena.store.reader import RunReader, all_events

DATA = Path(__file__).parent / "data"


def lines(path: Path, *rows: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def turns_of(run: Path, contestant: str, index: int = 0):
    reader = RunReader(run)
    heads = [head for head in reader.episodes() if head.key.contestant == contestant]
    return heads[index], reader.turns(heads[index])


def sample(doc_id: int, reply: str, score: float, **more: object) -> dict:
    return {
        "doc_id": doc_id,
        "doc": {"question": f"q{doc_id}"},
        "target": "4",
        "arguments": {"gen_args_0": {"arg_0": f"Question: q{doc_id}", "arg_1": {"until": []}}},
        "resps": [[reply]],
        "filtered_resps": [reply],
        "filter": "strict",
        "metrics": ["exact_match"],
        "doc_hash": f"hash{doc_id}",
        "exact_match": score,
    } | more


def chat(identity: str | None, question: str, answer: str, **more: object) -> dict:
    messages = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return ({"id": identity} if identity else {}) | {"messages": messages} | more


def test_two_logs_of_inspect_pair_and_give_a_verdict(tmp_path: Path):
    run = tmp_path / "run"
    done = import_logs([f"base={DATA / 'base.eval'}", f"worse={DATA / 'worse.eval'}"], run)
    assert done is not None
    assert (done.contestants, done.paired, done.missing) == ({"base": 4, "worse": 4}, 4, {})
    report = report_document(run)
    base, worse = (report["contestants"][name]["sums"] for name in ("base", "worse"))
    assert (base["progress"], base["grounding"], base["turns"], base["tokens"]) == (1.0, 1.0, 2.0, 14.0)
    assert (worse["progress"], worse["success"], worse["delta"], worse["pairs"]) == (0.5, 0.5, -0.5, 4)
    assert worse["valid_call_rate"] == 0.75
    assert report["failures"] == {"worse": {"wrong_type": 2}}


def test_a_sample_of_inspect_becomes_turns_with_calls_results_failures_and_costs(tmp_path: Path):
    run = tmp_path / "run"
    import_logs([f"worse={DATA / 'worse.eval'}"], run)
    head, (call, answer) = turns_of(run, "worse", 1)
    assert (head.key.task, head.first_observation) == ("sums/s1", "What is 1+1?")
    assert (call.action, call.valid, call.completion_tokens) == (None, False, 7)
    assert call.failure is not None
    assert (call.failure.kind, call.failure.json_path) == ("wrong_type", "$.arguments.y")
    assert "is not of type 'integer'" in call.outcome
    assert (answer.reply, answer.progress, answer.scores["theirs"]) == (
        "The sum is 99.",
        0.0,
        {"includes": 0.0},
    )
    _, (right, _) = turns_of(run, "worse", 0)
    assert (right.action, right.outcome) == ('{"name":"add","arguments":{"x":0,"y":1}}', "1")
    played = [event for event in all_events(run) if isinstance(event, TurnPlayed)]
    assert len(played) == 8


def test_samples_of_lm_eval_pair_by_document_and_keep_the_scores_of_all_filters(tmp_path: Path):
    name = "samples_gsm8k_2025-01-01T00-00-00.000001.jsonl"
    base = lines(
        tmp_path / "base" / name,
        sample(0, "it is 4", 1.0),
        sample(1, "five", 0.0),
        sample(0, "it is 4", 1.0, filter="flexible"),
        sample(1, "five", 1.0, filter="flexible"),
    )
    small = lines(tmp_path / "small" / name, sample(0, "3", 0.0), sample(2, "4", 1.0))
    run = tmp_path / "run"
    done = import_logs([str(base), str(small)], run)
    assert done is not None
    assert done.contestants == {"base": 2, "small": 2}
    assert (done.paired, done.unmatched) == (1, {"base": 1, "small": 1})
    assert done.missing == {"base": ["grounding", "tokens"], "small": ["grounding", "tokens"]}
    report = report_document(run)["contestants"]["base"]["gsm8k"]
    assert (report["progress"], report["grounding"], report["tokens"]) == (0.5, None, None)
    _, (turn,) = turns_of(run, "base", 1)
    assert (turn.observation, turn.reply) == ("Question: q1", "five")
    assert turn.scores["theirs"] == {"exact_match,strict": 0.0, "exact_match,flexible": 1.0}
    said = import_remarks(report_document(run))
    assert "1 tasks pair" in said
    assert "NOT MATCHED: 1 tasks of small are missing in another contestant's log" in said


def test_the_score_that_is_progress_can_be_chosen(tmp_path: Path):
    path = lines(
        tmp_path / "base" / "samples_x.jsonl", sample(0, "a", 1.0), sample(0, "a", 0.0, filter="flexible")
    )
    for number, (score, progress) in enumerate([("exact_match,flexible", 0.0), ("exact_match", 1.0)]):
        run = tmp_path / f"run{number}"
        import_logs([str(path)], run, score=score)
        assert report_document(run)["contestants"]["base"]["x"]["progress"] == progress


def test_multiple_choice_has_scores_and_no_turns(tmp_path: Path):
    resps = [[["-1.5", "False"]], [["-0.5", "True"]]]
    path = lines(tmp_path / "m" / "samples_arc.jsonl", sample(0, "", 1.0, resps=resps))
    done = import_logs([str(path)], tmp_path / "run")
    assert done is not None
    assert done.missing == {"m": ["grounding", "turns", "tokens"]}
    report = report_document(tmp_path / "run")["contestants"]["m"]["arc"]
    assert (report["progress"], report["valid_call_rate"], report["turns"]) == (1.0, None, None)


def test_a_folder_of_agentboard_gives_actions_progress_and_grounding(tmp_path: Path):
    record = {
        "id": 3,
        "task_name": "gripper",
        "goal": "ball1 is at roomb.",
        "difficulty": "easy",
        "is_done": False,
        "progress_rate": 0.5,
        "grounding_acc": 0.5,
        "score_change_record": [[1, 0.5]],
        "trajectory": {
            "Interaction Turn 0": {"Goal": "g", "Observation": "no.", "Action": "jump", "Progress Rate": 0},
            "Interaction Turn 1": {"Action": "pick ball1", "Observation": "got it.", "Progress Rate": 0.5},
        },
    }
    folder = tmp_path / "gpt-x"
    (folder / "logs").mkdir(parents=True)
    text = (
        json.dumps(record, indent=2) + "\n" + json.dumps(record | {"id": 4, "is_done": True}, indent=2) + "\n"
    )
    (folder / "logs/pddl.jsonl").write_text(text)
    run = tmp_path / "run"
    done = import_logs([str(folder)], run)
    assert done is not None
    assert done.missing == {"gpt-x": ["tokens"]}
    report = report_document(run)["contestants"]["gpt-x"]["pddl"]
    assert (report["progress"], report["success"], report["grounding"], report["turns"]) == (
        0.5,
        0.5,
        0.5,
        2.0,
    )
    head, (first, second) = turns_of(run, "gpt-x")
    assert (head.key.task, head.goal, head.first_observation) == ("pddl/gripper/3", "ball1 is at roomb.", "")
    assert [(t.action, t.outcome, t.progress) for t in (first, second)] == [
        ("jump", "no.", 0.0),
        ("pick ball1", "got it.", 0.5),
    ]


def test_predictions_of_teval_and_worfbench_are_scored_here(tmp_path: Path):
    from envs.teval.tasks import tasks as teval_tasks
    from envs.workflow.tasks import tasks as workflow_tasks

    plan = next(task.data for task in teval_tasks("bundled") if task.subset == "plan-json")
    file = tmp_path / "plan_json_base.json"
    file.write_text(
        json.dumps({"7": {**plan, "prediction": plan["expert"]}, "8": {**plan, "prediction": "?"}})
    )
    gold = workflow_tasks("bundled")[0].data
    query = {
        "source": "wikihow",
        "conversations": [*gold["messages"], {"role": "assistant", "content": gold["gold"]}],
    }
    flows = tmp_path / "wikihow/base/graph_eval_two_shot.json"
    flows.parent.mkdir(parents=True)
    flows.write_text(json.dumps([{"query": query, "workflow": gold["gold"]}]))
    run = tmp_path / "run"
    import_logs([f"base={file}", f"base={flows}"], run, encoder="hashing")
    report = report_document(run)["contestants"]["base"]
    assert (report["teval"]["progress"], report["teval"]["grounding"]) == (0.5, 0.5)
    assert (report["worfbench"]["progress"], report["worfbench"]["episodes"]) == (1.0, 1)
    head, (turn,) = turns_of(run, "base")
    assert head.key.task == "teval/plan-json/7"
    assert turn.scores["grading"]["encoder"] == "hashing"
    assert turn.scores["scores"]["f1_score"] == 1.0


def test_the_output_folder_of_teval_is_one_contestant(tmp_path: Path):
    from envs.teval.tasks import tasks as teval_tasks

    def write(path: Path, subset: str) -> None:
        data = next(task.data for task in teval_tasks("bundled") if task.subset == subset)
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"7": {**data, "prediction": data.get("expert", "?")}}))

    for name in ("plan_json_qwen", "review_str_qwen"):
        write(tmp_path / "work" / f"{name}.json", name.removesuffix("_qwen").replace("_", "-"))
    write(tmp_path / "awq" / "plan_json.json", "plan-json")
    (tmp_path / "work" / "qwen_-1.json").write_text('{"overall": 0.5}')
    done = import_logs([str(tmp_path / "work"), str(tmp_path / "awq")], tmp_path / "run", encoder="hashing")
    assert done is not None
    assert (done.contestants, done.paired) == ({"qwen": 2, "awq": 1}, 1)


def test_chats_with_tool_calls_are_checked_against_their_tools(tmp_path: Path):
    call = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"city": 5}'}}
    other = {"id": "c2", "type": "function", "function": {"name": "fly", "arguments": "{}"}}
    cut = {"id": "c3", "type": "function", "function": {"name": "find", "arguments": '{"city": "Pa'}}
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    row = {
        "model": "prod",
        "tools": [{"type": "function", "function": {"name": "find", "parameters": schema}}],
        "messages": [
            {"role": "system", "content": "You help."},
            {"role": "user", "content": "Where?"},
            {"role": "assistant", "content": "let me see", "tool_calls": [call, other]},
            {"role": "tool", "tool_call_id": "c1", "content": "no city"},
            {"role": "tool", "tool_call_id": "c2", "content": "no tool"},
            {"role": "assistant", "content": None, "tool_calls": [cut]},
            {"role": "tool", "tool_call_id": "c3", "content": "broken"},
            {"role": "assistant", "content": '<tool_call>{"name": "find", "arguments": {}}</tool_call>'},
            {"role": "user", "content": "Well?"},
            {"role": "assistant", "content": [{"type": "text", "text": "Paris."}], "reasoning": "hm"},
        ],
    }
    run = tmp_path / "run"
    done = import_logs([str(lines(tmp_path / "log.jsonl", row))], run)
    assert done is not None
    assert done.missing == {"prod": ["progress", "tokens"]}
    head, turns = turns_of(run, "prod")
    assert head.first_observation == "You help.\n\nWhere?"
    assert [turn.failure.kind.value if turn.failure else None for turn in turns] == [
        "wrong_type",
        "unknown_tool",
        "not_json",
        "missing_argument",
        None,
    ]
    assert [turn.outcome for turn in turns] == ["no city", "no tool", "broken", "Well?", ""]
    assert (turns[0].thought, turns[-1].action, turns[-1].thought) == ("let me see", "Paris.", "hm")
    report = report_document(run)["contestants"]["prod"]["chat"]
    assert (report["progress"], report["success"], report["valid_call_rate"]) == (None, None, 0.2)


def test_a_call_whose_result_is_an_error_is_an_action_that_took_no_effect(tmp_path: Path):
    call = {"id": "c1", "function": {"name": "find", "arguments": "{}"}}
    row = {
        "messages": [
            {"role": "user", "content": "Where?"},
            {"role": "assistant", "content": "", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": "", "error": {"message": "timed out"}},
            # the same id again, as some servers give it, and two calls whose results come in another order
            {"role": "assistant", "content": "", "tool_calls": [call, call | {"id": "c2"}]},
            {"role": "tool", "tool_call_id": "c2", "content": "there"},
            {"role": "tool", "tool_call_id": "c1", "content": "here"},
        ]
    }
    run = tmp_path / "run"
    import_logs([f"m={lines(tmp_path / 'log.jsonl', row)}"], run)
    _, turns = turns_of(run, "m")
    assert [(turn.action is not None, turn.valid, turn.outcome) for turn in turns] == [
        (True, False, "timed out"),
        (True, True, "here"),
        (True, True, "there"),
    ]
    assert report_document(run)["contestants"]["m"]["chat"]["grounding"] == pytest.approx(2 / 3)


def test_a_logged_exchange_has_its_answer_and_tokens(tmp_path: Path):
    row = {
        "id": "x",
        "request": {"model": "m", "messages": [{"role": "user", "content": "Hi"}]},
        "response": {
            "choices": [{"message": {"role": "assistant", "content": "Ho"}, "finish_reason": "length"}],
            "usage": {"prompt_tokens": 5, "completion_tokens": 2},
        },
        "score": 0.25,
    }
    import_logs([str(lines(tmp_path / "log.jsonl", row))], tmp_path / "run")
    _, (turn,) = turns_of(tmp_path / "run", "m")
    assert (turn.reply, turn.finish_reason, turn.prompt_tokens, turn.completion_tokens) == (
        "Ho",
        "length",
        5,
        2,
    )
    assert (turn.progress, turn.success) == (0.25, False)


def test_chats_without_ids_pair_by_what_was_asked_and_repeats_are_repeats(tmp_path: Path):
    base = lines(tmp_path / "base.jsonl", *(chat(None, q, "a", score=1) for q in ("one", "two", "one")))
    small = lines(tmp_path / "small.jsonl", *(chat(None, q, "b", score=0) for q in ("two", "three", "one")))
    run = tmp_path / "run"
    done = import_logs([str(base), str(small)], run)
    assert done is not None
    assert (done.tasks, done.paired, done.unmatched) == (3, 2, {"base": 0, "small": 1})
    assert sorted(head.key.repeat for head in RunReader(run).episodes()) == [0, 0, 0, 0, 0, 1]


def test_equal_ids_that_ask_different_things_are_not_paired_unless_asked_for(tmp_path: Path):
    base = lines(tmp_path / "base.jsonl", chat("1", "one", "a", score=1), chat("2", "two", "a", score=1))
    small = lines(tmp_path / "small.jsonl", chat("1", "two", "b", score=0), chat("2", "new", "b", score=0))
    results = {}
    for by in ("auto", "id", "prompt"):
        done = import_logs([str(base), str(small)], tmp_path / by, by=by)  # type: ignore[arg-type]
        assert done is not None
        results[by] = (done.paired, done.tasks)
    assert results == {"auto": (1, 3), "id": (2, 2), "prompt": (1, 3)}
    said = " ".join(import_remarks(report_document(tmp_path / "auto")))
    assert "2 episodes were asked otherwise than their ids' tasks" in said
    assert "1 episodes were matched by what was asked" in said


def test_the_same_import_gives_the_same_tasks_again(tmp_path: Path):
    for name in ("first", "second"):
        import_logs([f"base={DATA / 'base.eval'}"], tmp_path / name)
    first, second = (RunReader(tmp_path / name).tasks() for name in ("first", "second"))
    assert [task.hash for task in first] == [task.hash for task in second]


def test_scores_beyond_one_are_kept_and_not_compared(tmp_path: Path):
    path = lines(tmp_path / "base.jsonl", chat("1", "one", "a", score=7), chat("2", "two", "a", score=1))
    run = tmp_path / "run"
    done = import_logs([str(path)], run)
    assert done is not None
    assert "go beyond 0..1" in " ".join(done.notes)
    report = report_document(run)["contestants"]["base"]["chat"]
    assert (report["episodes"], report["progress"], report["success"]) == (2, None, None)
    _, (turn,) = turns_of(run, "base")
    assert turn.scores["theirs"] == {"score": 7.0}


def test_one_contestant_has_no_task_twice(tmp_path: Path):
    copy = tmp_path / "copy.eval"
    shutil.copy(DATA / "base.eval", copy)
    with pytest.raises(UsageError, match="has sums/s0 twice"):
        import_logs([str(DATA / "base.eval"), str(copy)], tmp_path / "run")
    assert not (tmp_path / "run").exists()


async def test_an_imported_run_can_be_watched(tmp_path: Path):
    from tui.app import ArenaApp
    from tui.sources import RecordSource

    run = tmp_path / "run"
    import_logs([f"base={DATA / 'base.eval'}", f"worse={DATA / 'worse.eval'}"], run)
    app = ArenaApp(RecordSource(run), "watch")
    async with app.run_test(size=(140, 40)) as pilot:
        for _ in range(100):
            await pilot.pause(0.05)
            shown = "\n".join(
                "".join(s.text for s in strip) for strip in app.screen._compositor.render_strips()
            )
            if "What is 0+1?" in shown:
                break
        assert "What is 0+1?" in shown
        assert "worse" in shown
