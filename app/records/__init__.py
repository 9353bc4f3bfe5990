"""Outside trackers: one file each, discovered by `app.records.registry`."""
