"""The audit log: rows, chain, signatures, the walk over all of it, and what is kept beside it."""
