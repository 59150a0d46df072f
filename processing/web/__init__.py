"""The web app behind the HTTP door: keys, bodies with bounds, and the calls of the contract's section 7."""
