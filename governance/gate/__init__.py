"""The gate: evidence about a challenger, and the lines that pass, refuse or miss it. No log, no registry."""
