"""What is kept of a run: `run.toml` (the frozen plan) and `run.sqlite` (episodes, turns, events)."""
