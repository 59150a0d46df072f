"""What tests share: a proxy that kills and breaks, the doors in a process of their own, one installation a test."""
