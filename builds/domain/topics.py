"""Names of topics, which worker hosts serve and build servers are called by (`topic:NAME`)."""

import re
from typing import Final

TOPIC_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")
