"""A contract as a value, its life from version to version, and whether a document is one."""
