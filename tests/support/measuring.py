"""What processes need whose environment a test makes from nothing, so that coverage measures them too."""

import os


def measuring() -> dict[str, str]:
    """Return the variables by which coverage starts in a child; none where nothing is measured."""
    return {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
