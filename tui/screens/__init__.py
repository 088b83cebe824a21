"""The screens: each turns keys into changes of state, and state into what its widgets are given."""
