"""Labels that a model doubts, unlabeled pictures worth labeling next, and a page where one click decides."""
