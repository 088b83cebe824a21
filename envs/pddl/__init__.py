"""PDDL: gripper, blockworld, barman and tyreworld, as AgentBoard plays and scores them.

`domain` and `problem` say what there is, `world` compiles a problem into bit masks, `reading` turns text
into actions, `wording` turns facts and actions into text, `planner` solves, `generators` makes new problems,
`official` reads AgentBoard's, `tasks` lists both, and `env` is the environment.
"""

DOMAINS = ("gripper", "blockworld", "barman", "tyreworld")
"""The domains, in AgentBoard's order."""
