"""What came from what: the events of every step, the graph that they make, and records held against the log."""
