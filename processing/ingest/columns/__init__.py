"""The columns of an upload become the typed columns of its dataset."""
