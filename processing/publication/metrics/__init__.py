"""A day of metrics."""
