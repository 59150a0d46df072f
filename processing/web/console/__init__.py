"""The console at `/console`: pages made on the server, without scripts and without any other host (contract section 12)."""
