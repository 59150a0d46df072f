"""Experiments from sufficient statistics: intervals, lifts and p-values of many metrics at once; no storage, no clock."""
