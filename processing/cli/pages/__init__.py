"""The pages of docs/ that are printed from code."""
