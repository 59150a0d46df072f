"""The adapters behind the ports: Azure Storage, Delta tables, and a store in memory for property tests."""
