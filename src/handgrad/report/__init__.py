"""Reports: what a model is worth, for people and for programs."""
