"""Names in a configuration and its sheets that must fit one another: what does not, a line each."""
