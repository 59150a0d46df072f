"""Results of experiments through a day, from what other streams published (contract section 8, Experiments)."""
