"""WorfBench: write the workflow of a task as a graph of subtasks."""
