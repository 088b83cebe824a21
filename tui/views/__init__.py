"""What a task's state looks like: worlds, calls, plans and checklists, drawn beside the words.

`view_of` (`tui.views.choice`) draws an episode's state after a turn. A view is worked out from the task and
from what the environment recorded, never from what a model says about it.
"""
