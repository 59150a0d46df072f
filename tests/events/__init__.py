"""Messages in the shapes that Event Grid's documentation gives for events of storage accounts, and what comes of each."""
