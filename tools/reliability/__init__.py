"""Attacks on handgrad, each counted: ``python -m tools.reliability [NAME …]``; the results are docs/reliability.md."""
