"""What storage does, and the one in memory as well."""
