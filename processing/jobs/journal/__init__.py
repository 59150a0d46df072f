"""Rows that come over HTTP: durable before they are answered, uploads a minute later (contract section 7)."""
