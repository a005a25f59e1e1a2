"""The people and runs of tests/api serve the contract's tests too."""

from tests.api.conftest import (  # noqa: F401  fixtures are found by their names here
    account,
    api,
    as_,
    build,
    done_run,
    installation,
    make_build,
    operator,
    run,
    running_run,
    superuser,
    viewer,
)
