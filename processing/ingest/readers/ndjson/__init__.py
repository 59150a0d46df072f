"""NDJSON as raw batches."""
