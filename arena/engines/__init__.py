"""Where completions come from: transformers, an OpenAI-compatible server, scripts, recorded runs."""
