"""A coverage-guided fuzzer over everything that reads a file from elsewhere: ``python -m tools.fuzz``."""
