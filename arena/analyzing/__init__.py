"""What compression did inside: models read side by side, on a text or on an agent's own trajectories."""
