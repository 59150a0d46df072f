"""The command line, and the pages that it prints on a terminal."""
