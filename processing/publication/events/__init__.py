"""A day of events."""
