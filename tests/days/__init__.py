"""Days of streams, told as stories: the real jobs over the stores in memory."""
