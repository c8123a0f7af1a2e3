"""What came from what: the events that every step leaves, and the graph that they make."""
