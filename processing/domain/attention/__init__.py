"""What stands still or needs somebody, who acts next, and what they do: the sentences of status (contract section 6)."""
