"""Features: families of window columns, each a module with its declared features and one Ibis expression per family."""
