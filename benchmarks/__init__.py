"""handgrad measured beside other frameworks: ``python -m benchmarks``, or ``make bench``."""
