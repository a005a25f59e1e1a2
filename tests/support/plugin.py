"""Loaded before pytest-django reads the settings (`-p tests.support.plugin`): a database and a data directory.

PostgreSQL starts while this module is imported unless DATABASE_URL names one, because the settings read that name.
Engine and registry start with the first test that asks for them (tests/conftest.py).
"""

import atexit
import os
import re

from tests.support.services import Services, exit_on_sigterm

# What a developer's shell may have set must not decide what the tests see (BUILDHUB_TEST_… is meant for them).
FOREIGN = re.compile(r"BUILDHUB_(?!TEST_)|DOCKER_|REGISTRY_|PORT$")
for name in tuple(os.environ):
    if FOREIGN.match(name):
        del os.environ[name]

SERVICES = Services()
atexit.register(SERVICES.stop)
exit_on_sigterm()
data_dir = SERVICES.home / "var"
data_dir.mkdir(mode=0o755)
(data_dir / "static").mkdir()  # WhiteNoise warns where it is missing
os.environ["BUILDHUB_DATA_DIR"] = str(data_dir)
if not os.environ.get("DATABASE_URL"):
    os.environ["DATABASE_URL"] = SERVICES.postgres()
