"""What tests of builds from git share."""

from tests.engine.certificates import Authority

PASSWORD = "pass-of-ada-7c1"
AUTHORITY = Authority()


def private(user="ada", password=PASSWORD):
    """Return what a private repository's step has besides."""
    return {"common_type": "PRIVATE", "user_id": user, "password": password}
