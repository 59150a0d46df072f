"""Speed, memory and costs as ratios: against the bare engine, the peers and a shorter history. Never part of the test suite."""
