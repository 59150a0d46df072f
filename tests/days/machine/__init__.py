"""The state machine of days: customers, the platform and racing workers over storage in memory."""
