"""The adapters behind the ports: Azure Storage and Delta tables."""
