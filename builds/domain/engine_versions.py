"""What is known of a Docker Engine by its version alone."""

import re
from typing import Final

VERSION: Final = re.compile(r"(\d{1,4})\.(\d{1,4})\.(\d{1,4})")
LOG_STALL: Final = (
    "Docker before 23 can stall when one instruction prints more than 1 MiB at once; BuildHub then starts the build"
    " again. A newer Docker Engine does not."
)
# https://github.com/moby/moby/security/advisories, January 2024: mended in 24.0.9 and 25.0.2
HOLES: Final = (
    "Docker Engine {version} has a BuildKit and a runc by which a Dockerfile can reach its machine (CVE-2024-21626,"
    " CVE-2024-23651 to 23653), unless its distribution has mended them; update to 25.0.2, 24.0.9 or newer."
)


def version_warnings(version: str) -> tuple[str, ...]:
    """Return what an administrator should know of an engine of this `version`; nothing where it is not understood."""
    found = VERSION.match(version)
    if found is None:
        return ()
    number = tuple(map(int, found.groups()))
    has_holes = number < (24, 0, 9) or (25, 0, 0) <= number < (25, 0, 2)
    stalls = (LOG_STALL,) if number < (23, 0, 0) else ()
    return (*((HOLES.format(version=found[0]),) if has_holes else ()), *stalls)
