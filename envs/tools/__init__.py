"""Tool benchmarks: Tool-Query (weather, movie, academia) and Tool-Operation (todo, sheet).

The tools are AgentBoard's by name, arguments and result fields; what answers them is local: a read-only
SQLite world that `envs.tools.build_worlds` makes, and a to-do list or a spreadsheet per episode.
"""
