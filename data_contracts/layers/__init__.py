"""What an ingest leaves in the lake, layer by layer, and how each is read back."""
