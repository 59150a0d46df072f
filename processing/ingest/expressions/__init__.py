"""SQL expressions of a customer's config become expressions of the engine, or are refused."""
