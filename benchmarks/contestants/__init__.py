"""Those that are measured, a module each; peers import nothing of ours.

What `prepare` must do stands in `benchmarks.worker`.
"""
