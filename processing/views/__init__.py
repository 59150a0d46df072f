"""The read side: what a customer's files and days look like now, for the command line and for pages."""
