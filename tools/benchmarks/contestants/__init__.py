"""The contestants: one file per framework."""
