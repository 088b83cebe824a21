"""Widgets of the screens. Each draws the data it is given and nothing else."""
