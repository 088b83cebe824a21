"""Jericho: interactive fiction on the Z-machine, as AgentBoard plays and scores it.

`player` is the program that holds one game (a C library that may crash, hang or write files) in a process of
its own, `game` talks to it, `commands` turns tool calls into commands and cleans what models write, `scoring`
looks for subgoals, `tasks` lists our stories and `official` the user's games, and `env` is the environment.
"""
