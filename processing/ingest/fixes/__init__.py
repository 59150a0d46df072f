"""Rejected records in the upload's own form, with the reasons beside them, to be fixed and uploaded again."""
