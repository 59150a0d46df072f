"""The console: who sees which page, and what stands on it."""
