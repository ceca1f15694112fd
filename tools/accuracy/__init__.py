"""The accuracy of recipes, of the same networks in PyTorch, and of scikit-learn's usual choices: docs/results.md."""
