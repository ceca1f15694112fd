"""How well the recipes do, beside the same networks in PyTorch and scikit-learn's usual choices: docs/results.md."""
