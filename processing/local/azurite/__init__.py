"""The storage emulator: its process, and the Node that runs it."""
