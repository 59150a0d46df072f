"""CSV as raw batches."""
