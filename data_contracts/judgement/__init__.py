"""Rows against rules: values, vehicles, Great Expectations, duplicates, verdicts, and the run of them all."""
