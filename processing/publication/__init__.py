"""One day, from its staged parts to the files of its tables; no storage, no clock."""
