"""The study: one run of base models and all recipes, read against what ACBench (ICML 2025) found."""
