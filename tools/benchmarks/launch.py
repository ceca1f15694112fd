"""Start a command and report its seconds and peak memory; small, since a process is charged with its parent's size.

``python -S launch.py OUTPUT COMMAND …`` writes JSON to OUTPUT; it imports nothing from the project.
"""

import json
import os
import sys
import time


def main() -> int:
    """Run the command and return its exit code."""
    output, *command = sys.argv[1:]
    start = time.perf_counter()
    process = os.posix_spawn(command[0], command, os.environ)
    _, status, usage = os.wait4(process, 0)
    seconds = time.perf_counter() - start
    code = os.waitstatus_to_exitcode(status)
    unit = 1 if sys.platform == "darwin" else 1024
    with open(output, "w") as file:  # noqa: PTH123  # pathlib would make this process larger
        json.dump({"seconds": seconds, "peak_bytes": usage.ru_maxrss * unit, "code": code}, file)
    return code


if __name__ == "__main__":
    sys.exit(main())
