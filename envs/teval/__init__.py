"""T-Eval: six abilities of using tools, each asked for by itself."""
