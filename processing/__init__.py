"""The engine: what happens to an upload and to a day, apart from the host that announces them."""
