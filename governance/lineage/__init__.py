"""What came from what: the events that every step leaves, the graph that they make, and records held against the log."""
