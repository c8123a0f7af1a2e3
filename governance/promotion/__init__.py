"""The life of a model's versions: requested, approved, confirmed, rolled back, suspended, verified."""
