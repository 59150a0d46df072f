"""Speed and memory of ingest as ratios against the bare engine, measured in one run. Never part of the test suite."""
