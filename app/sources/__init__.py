"""Sources of inbound deliveries: one file per system, discovered by `app.sources.registry`.

A source checks that what came in is really that system's, and reads it.  It knows no table and no request, so what was
stored once can be read again.
"""
