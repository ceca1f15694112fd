"""A coverage-guided fuzzer for everything that reads foreign files: ``python -m tools.fuzz``."""
