"""Pages: HTML that people read, print and keep. Each is one file without scripts and without any request to elsewhere.

Belongs here: how things look. Does not: what is true; the pages are given frozen data and nothing else.
"""
