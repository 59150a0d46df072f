"""The doors: one host event in, one job called, one answer out.

The host imports all of them wherever one runs, and so each imports its job, and with it the engine, when it is first opened.
"""
