"""Delivered files before they are judged: what is new, what can be taken, and what is set aside."""
