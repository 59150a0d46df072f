"""Frames: bytes become bounded batches, accepted and rejected rows, Parquet; and the transforms of a day."""
