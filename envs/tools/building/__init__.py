"""Makes the world that the query tools answer from; used by `python -m envs.tools.build_worlds` only."""
