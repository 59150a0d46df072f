"""Parquet as raw batches."""
