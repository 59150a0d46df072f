"""The calls under `/v1`: each reads a request, asks a job or a view, and writes the answer."""
