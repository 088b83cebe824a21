"""What every one-step benchmark must do, asked of one benchmark at a time."""

import warnings

import gymnasium
from gymnasium.utils.env_checker import check_env

from envs import registry
from envs.onestep import OneStepEnv


def expert_gets_full_marks_everywhere(name: str, env: OneStepEnv, each: int = 1) -> None:
    for task in registry.tasks(name)[::each]:
        env.reset(options={"task": task})
        (reply,) = env.expert()
        _, reward, terminated, _, info = env.step(reply)
        assert (reward, terminated, info["success"], info["valid"]) == (1.0, True, True, True), task.id


def chance_gets_next_to_nothing(name: str, env: OneStepEnv, at_most: float, each: int = 1) -> None:
    tasks = registry.tasks(name)[::each]
    total = 0.0
    for task in tasks:
        env.reset(options={"task": task})
        total += env.step(env.valid_actions()[0])[1]
    assert total / len(tasks) <= at_most


def gymnasium_accepts(env_id: str, **options: object) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check_env(gymnasium.make(env_id, **options).unwrapped, skip_render_check=True)


def any_reply_scores(env: OneStepEnv, task_id: str, reply: str) -> None:
    env.reset(options={"task": task_id})
    _, reward, terminated, _, info = env.step(reply)
    assert terminated
    assert 0.0 <= reward <= 1.0
    assert all(0.0 <= value <= 10.0 for value in info["scores"].values())
