"""Every setting that a user can choose, as one of two kinds.

`TOUCHES_OUTPUT`: replies, scores or which episodes there are depend on it, so it is part of a run's plan (or
of its contestants' identity) and may not change when the run goes on. `ONLY_SCHEDULES`: when, where and how
fast things are done; free to change. A test fails where a setting is in neither, or in both.
"""

from collections.abc import Mapping

TOUCHES_OUTPUT: Mapping[str, frozenset[str]] = {
    "suite": frozenset({"name", "settings", "tasks"}),
    "suite.settings": frozenset(
        {
            *("protocol", "style", "dialect", "max_tokens", "temperature", "top_p", "stop", "history_items"),
            *("example", "context_tokens", "thought_tokens", "system_role"),
            *("offered_tools", "filler_tokens", "result_tokens"),
            *("seed", "repeats", "scoring", "encoder"),
        }
    ),
    "suite.tasks": frozenset(
        {"benchmark", "subset", "source", "count", "per_subset", "ids", "max_steps", "settings"}
    ),
    "suite.tasks.settings": frozenset(
        {
            *("protocol", "style", "max_tokens", "temperature", "top_p", "stop", "history_items"),
            *("example", "context_tokens"),
        }
    ),
    "batch": frozenset({"suite", "agent", "limit", "repeats", "shard"}),
    "engine hf": frozenset({"dtype", "trust_remote_code", "tools", "constrained", "kv_bits"}),
    "engine vllm": frozenset({"dtype", "max_model_len", "trust_remote_code", "tools", "constrained"}),
    "engine openai": frozenset({"tools", "tool_choice", "constrained"}),
    "engine expert": frozenset(),
    "engine random": frozenset(),
    "engine script": frozenset(),
    "engine replay": frozenset({"contestant"}),
}

ONLY_SCHEDULES: Mapping[str, frozenset[str]] = {
    # who reads it
    "suite": frozenset({"description"}),
    "batch": frozenset(
        {
            *("out", "jobs", "dry_run", "until", "step_timeout", "events", "quiet", "as_json", "executor"),
            *("max_tokens_total", "max_cost", "prompt_price", "completion_price", "max_time", "max_turns"),
            "take",
        }
    ),
    # which device computes changes rounding as much as what is decoded beside a reply does
    "engine hf": frozenset({"device"}),
    "engine vllm": frozenset({"tensor_parallel_size", "gpu_memory_utilization", "enforce_eager"}),
    "engine openai": frozenset({"retries", "timeout", "concurrency"}),
    "engine script": frozenset({"latency_s"}),
}
