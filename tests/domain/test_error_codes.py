"""Every code says what happened and what to do, and every code that the code base names has its page."""

import re

import pytest

from builds.domain.error_codes import ErrorCode
from tests.architecture.tree import python_files

CODE = re.compile(r"\bC(?:CCM|CBD|KSY)\d{7}\b")
NAMED = re.compile(r"\bErrorCode\.([A-Z_]+)")


@pytest.mark.parametrize("code", ErrorCode)
def test_a_code_has_a_summary_what_happened_and_what_to_do(code):
    assert 400 <= code.status < 600
    assert not code.summary.endswith(".")
    assert code.happened.endswith(".")
    assert code.remedy.endswith(".")
    assert CODE.fullmatch(code)


def named(text):
    """Return the names of codes that `text` uses."""
    return set(NAMED.findall(text))


def test_every_code_has_a_place_where_it_is_answered():
    files = [path for path in python_files(under="builds") if "schema" not in path.parts and "pages" not in path.parts]
    assert set().union(*(named(path.read_text()) for path in files)) == set(ErrorCode.__members__)


def test_a_code_is_written_down_in_the_table_alone():
    files = [*python_files(under="builds"), *python_files(under="buildhub")]
    written = {path.name for path in files if CODE.search(path.read_text())}
    assert written == {"error_codes.py"}
