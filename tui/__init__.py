"""The Textual screens. They draw what the store and live events say, and decide nothing."""
