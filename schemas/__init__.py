"""The contract as code: one pandera schema a dataset. Imports nothing of the engine."""
