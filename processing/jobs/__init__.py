"""What the product does: one verb a file, through the ports alone. Every job may be killed at any instruction."""
