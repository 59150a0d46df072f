"""A customer with months of history, in an emulator that copies blobs by the hundred thousand and counts what it is asked."""
