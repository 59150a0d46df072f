"""The local host: the app's own functions, run on this machine."""
