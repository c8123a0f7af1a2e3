"""The health of cameras, from how much they read, how sure they were, and how long vehicles take between them.

Belongs here: what is usual for a camera, and when it was not so. Does not: traffic, drift of models, the repair of
reads. `docs/camera-health.md` says how it decides and what it cannot see.
"""
