"""The contract as code: one schema a dataset, and the config of a customer. Imports nothing of the engine."""
