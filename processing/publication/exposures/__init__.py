"""A day of exposures."""
