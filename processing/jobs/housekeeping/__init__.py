"""Deletes what nobody can need any more; nothing that a live publication or a current receipt refers to."""
