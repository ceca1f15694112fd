"""handgrad measured beside other frameworks: ``python -m tools.benchmarks``, or ``make bench``."""
