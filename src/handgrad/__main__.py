"""``handgrad``, and ``python -m handgrad``."""

import sys


def main() -> None:
    """Run the command line."""
    try:
        # Inside, since the imports take a second in which Ctrl-C may come.
        from handgrad.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.stderr.write("handgrad: error: interrupted; nothing was written\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
