"""The run log: one group-commit writer per process, readers, and the hints that wake followers."""
