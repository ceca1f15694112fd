"""The page on which the notes come alive: one self-contained file, or the same from a local server."""
