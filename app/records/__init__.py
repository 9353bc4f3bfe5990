"""Where the internal record also lives: one file per tracker, found by `app.records.registry`."""
