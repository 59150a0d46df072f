"""What is done about an upload, from its event to its receipt."""
