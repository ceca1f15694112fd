"""Tests on a real Ray cluster: `make test-cluster`, in an environment of their own."""
