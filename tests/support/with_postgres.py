"""Run a command beside a PostgreSQL of its own: `python -m tests.support.with_postgres -- COMMAND …`."""

import subprocess
import sys

from tests.support import plugin  # its import starts PostgreSQL and sets DATABASE_URL


def main() -> int:
    """Run the command that follows `--`; return its exit code."""
    command = sys.argv[sys.argv.index("--") + 1 :]
    try:
        return subprocess.run(command, check=False).returncode
    finally:
        plugin.SERVICES.stop()


if __name__ == "__main__":
    raise SystemExit(main())
