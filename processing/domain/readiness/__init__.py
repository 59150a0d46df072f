"""Which day is due, and what every other day waits for: pure functions of listings and stream state."""
