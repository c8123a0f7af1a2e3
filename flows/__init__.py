"""Flows: order, retries, schedules per ROCU, progress, and the `findprofile` command line.

Belongs here: calling the rooms in their order and recording who did it. Does not: rules of any kind.
"""
