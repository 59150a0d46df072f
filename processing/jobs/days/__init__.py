"""What is done about the days of a stream, from the look at it to the tables."""
