"""What ingest and publication both do with frames."""
