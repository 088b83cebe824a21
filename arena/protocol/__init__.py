"""How a reply becomes an action, or exactly one typed failure."""
