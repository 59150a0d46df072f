"""Bytes become bounded raw batches, whatever the format."""
