"""What outside systems send: authenticated, stored raw once, answered, then read.

`receiving` stores, `spool` replaces the database when it can't be written, `reading` understands what was stored,
`applying` acts on it, `keeping` deletes it after a while.
"""
