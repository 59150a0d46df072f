"""What lies in storage, one document a file: how it is listed, read and written."""
