"""Every code says what happened and what to do, and every code that the code base names has its page."""

import re

import pytest

from builds.domain.error_pages import ERROR_HELP
from tests.architecture.tree import python_files

CODE = re.compile(r'"(C(?:CCM|CBD|KSY)\d{7})"')


@pytest.mark.parametrize("code", ERROR_HELP)
def test_a_code_has_a_title_what_happened_and_what_to_do(code):
    status, title, happened, remedy = ERROR_HELP[code]
    assert 400 <= status < 600
    assert not title.endswith(".")
    assert happened.endswith(".")
    assert remedy.endswith(".")
    assert CODE.fullmatch(f'"{code}"')


def test_every_code_that_is_raised_has_a_page_and_every_page_a_code_that_is_raised():
    files = [path for path in python_files(under="builds") if "schema" not in path.parts and "pages" not in path.parts]
    named = {code for path in files if path.name != "error_pages.py" for code in CODE.findall(path.read_text())}
    assert named == set(ERROR_HELP)
