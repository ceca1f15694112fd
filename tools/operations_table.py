"""Make the table of operations in docs/trace.md from that of the notes: ``python -m tools.operations_table``."""

from __future__ import annotations

from pathlib import Path

from handgrad.architecture import Architecture
from handgrad.graph import EXAMPLES, GIVEN, graph
from handgrad.notes.lines import LINES
from handgrad.notes.operations import OPERATIONS, plain_number

DOCUMENT = Path(__file__).parents[1] / "docs" / "trace.md"
BEGIN, END = "<!-- The table of operations: made by tools/operations_table.py. -->\n\n", "\n<!-- Its end. -->\n"


def table() -> str:
    """Return one row for each operation: its name, the lines that it computes, and one number of its result."""
    with_maps = Architecture(input_shape=(100, 100, 3), maps=2)
    nodes = (*graph(Architecture()), *graph(with_maps), *EXAMPLES)
    rows = ["| operation | lines | a number of the result |", "|---|---|---|"]
    rows.append(f"| {', '.join(f'`{name}`' for name in GIVEN)} | | given |")
    for name, operation in OPERATIONS.items():
        numbers = {node.line for node in nodes if node.operation == name}
        lines = ", ".join(line.number for line in LINES if line.number in numbers)
        rows.append(f"| `{name}` | {lines} | `{plain_number(operation)}` |")
    return "\n".join(rows) + "\n"


def main() -> None:
    """Replace the table in the document."""
    before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    DOCUMENT.write_text(before + BEGIN + table() + END + after, encoding="utf-8")


if __name__ == "__main__":
    main()
