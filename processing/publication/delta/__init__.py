"""The Delta tables of results: their columns, and their files."""
