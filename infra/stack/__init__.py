"""The national profile on one machine: its services as child processes, each checked over its real interface.

Belongs here: starting, watching and stopping programs. Does not: what the product does with them, and any import of
Prefect or MLflow; they are started as programs.
"""
