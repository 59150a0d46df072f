"""Raw batches are split into accepted and rejected rows, and every rejection is explained."""
