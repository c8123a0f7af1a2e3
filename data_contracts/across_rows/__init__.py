"""Rules across rows: what no single read shows, only reads beside each other, or beside a camera's own past.

One module for each family of rules: it makes the small table that the contract names, and says which reads a broken row
of it is about. Nothing here changes a read; what is found is counted, and noted beside the reads.
"""
