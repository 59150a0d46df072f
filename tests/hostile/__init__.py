"""A corpus of nasty files, each with the receipt that the contract promises for it."""
