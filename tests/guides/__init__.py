"""The commands of the guides, run from the first line of a page to the last against a stand-in of Azure."""
