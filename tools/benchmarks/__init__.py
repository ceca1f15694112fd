"""Benchmarks of handgrad and other frameworks: ``python -m tools.benchmarks``, or ``make bench``."""
