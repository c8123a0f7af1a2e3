"""The policy of a ROCU: its file, the values that it sets, which one is in force, and how two compare."""
