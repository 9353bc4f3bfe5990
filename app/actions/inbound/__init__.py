"""What outside systems send: authenticated, stored raw once, answered, then read.

`receiving` stores, `spool` replaces the database when it can't be written, `reading` understands what was stored,
`applying` does what it says, `keeping` forgets it in time.
"""
