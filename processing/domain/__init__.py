"""Pure facts and rules: no I/O, no clock, no logging, no Azure."""
