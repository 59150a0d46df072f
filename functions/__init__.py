"""The doors: one host event in, one job called, one answer out."""
