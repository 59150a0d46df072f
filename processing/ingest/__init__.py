"""One upload, from its bytes to staged parts, rejected rows and exact counts; no storage, no clock."""
