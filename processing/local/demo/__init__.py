"""Sample customers, what must come of their files, and the run that shows that it does."""
