"""Speed and memory as ratios against the bare engine and the peers, measured in one run. Never part of the test suite."""
