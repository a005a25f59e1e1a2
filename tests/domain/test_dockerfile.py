"""Where instructions stand, and which one BuildKit means (vertex names captured from 20.10.24 to 28.5.2)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builds.domain.dockerfile import instruction_lines, syntax_line
from builds.domain.dockerfile_vertices import find_instruction
from builds.domain.engine_words import parse_error_line


def positions(text: str) -> list[tuple[int, int, str]]:
    return [(found.line_start, found.line_end, found.keyword) for found in instruction_lines(text)]


def test_each_instruction_has_its_lines():
    text = "# a comment\nFROM busybox\n\n  run echo a\nCOPY a b\n"
    assert positions(text) == [(2, 2, "FROM"), (4, 4, "RUN"), (5, 5, "COPY")]


def test_continuations_with_comments_and_blank_lines_are_one_instruction():
    text = "FROM busybox\nRUN echo a && \\\n    # why\n\n    exit 7\nCMD x"
    assert positions(text) == [(1, 1, "FROM"), (2, 5, "RUN"), (6, 6, "CMD")]
    assert instruction_lines(text)[1].text == "RUN echo a && exit 7"


def test_windows_line_ends_and_blanks_after_the_backslash_do_not_matter():
    assert positions("FROM a\r\nRUN b \\ \r\n  c\r\nCMD d\r\n") == [(1, 1, "FROM"), (2, 3, "RUN"), (4, 4, "CMD")]


def test_the_escape_directive_changes_the_sign_of_continuation():
    assert positions("# escape=`\nFROM a\nRUN b `\n  c\n") == [(2, 2, "FROM"), (3, 4, "RUN")]
    assert positions("# a comment ends directives\n# escape=`\nFROM a\nRUN b `\nCMD c\n") == [
        (3, 3, "FROM"),
        (4, 4, "RUN"),
        (5, 5, "CMD"),
    ]


def test_the_body_of_a_heredoc_holds_no_instructions():
    text = 'FROM a\nRUN <<EOF\nFROM x\nEOF\nCOPY <<-"A" <<B /x/\n\tA\nFROM y\nB\nCMD z\n'
    assert positions(text) == [(1, 1, "FROM"), (2, 4, "RUN"), (5, 8, "COPY"), (9, 9, "CMD")]


@pytest.mark.parametrize("run", ["RUN cat <<<EOF", "RUN echo $((1<<2))", "RUN cat <<EOF"])
def test_what_is_no_closed_heredoc_swallows_nothing(run):
    assert positions(f"FROM a\n{run}\nCMD z\n") == [(1, 1, "FROM"), (2, 2, "RUN"), (3, 3, "CMD")]


@given(text=st.text(alphabet='FRUN \\`#<E\n\r\t=-"', max_size=60))
def test_any_text_gives_instructions_in_order_and_never_a_crash(text):
    found = instruction_lines(text)
    borders = [line for each in found for line in (each.line_start, each.line_end)]
    assert borders == sorted(borders)
    assert all(1 <= each.line_start <= each.line_end <= text.count("\n") + 1 for each in found)


STAGES = """FROM busybox AS one
ARG X=5
RUN nosuchcmd $X
RUN echo same
FROM busybox
ENV Y=/tmp/$X
WORKDIR $Y
COPY --from=one \\
     /bin/echo /e
RUN echo same
FROM one
RUN exit 3
RUN echo same
"""


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("[one 1/3] FROM docker.io/library/busybox", 1),
        ("[one 2/3] RUN nosuchcmd 5", 3),
        ("[one 3/3] RUN echo same", 4),
        ("[stage-1 1/4] FROM docker.io/library/busybox:latest@sha256:" + "a" * 64, 5),
        ("[stage-1 2/4] WORKDIR /tmp/5", 7),
        ("[stage-1 3/4] COPY --from=one      /bin/echo /e", 8),
        ("[stage-1 4/4] RUN echo same", 10),
        ("[stage-2 1/2] RUN exit 3", 12),
        ("[stage-2 2/2] RUN echo same", 13),
        ("[internal] load metadata for docker.io/library/busybox:latest", 1),
        ("FROM docker.io/library/one:latest", 8),
        ("[internal] load build definition from Dockerfile", None),
        ("copy /context /", None),
        ("", None),
    ],
)
def test_a_vertex_is_found_in_its_stage(name, line):
    found = find_instruction(STAGES, name)
    assert (found.instruction.line_start if found else None) == line


def test_the_same_instruction_twice_is_told_apart_by_its_number():
    text = "FROM scratch\nCOPY a /b\nRUN echo a\nENV A=1\nRUN echo a\n"
    assert [find_instruction(text, f"[{n}/3] RUN echo a").instruction.line_start for n in (2, 3)] == [3, 5]


def test_what_is_fetched_leads_to_the_instruction_that_names_it():
    text = "ARG BASE=x\nFROM $BASE\nADD http://127.0.0.1:1/x /x\nRUN --mount=type=bind,from=h.example/t:1 true\n"
    names = ["http://127.0.0.1:1/x", "FROM h.example/t:1", "[internal] load metadata for docker.io/library/x:latest"]
    assert [find_instruction(text, name).instruction.line_start for name in names] == [3, 4, 2]


def test_very_long_instructions_are_compared_in_bounded_work():
    body = " && ".join(f"echo word{number}" for number in range(20_000))
    found = find_instruction(f"FROM a\nRUN {body} ; exit 1\nRUN {body} ; exit 2\n", f"[3/3] RUN {body} ; exit 2")
    assert found is not None
    assert found.instruction.line_start == 3


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("failed to create LLB definition: dockerfile parse error line 2: unknown instruction: RUNN", 2),
        ("dockerfile parse error on line 12: unknown instruction: RUNN (did you mean RUN?)", 12),
        ("exit code: 7", None),
    ],
)
def test_the_line_of_a_parse_error_is_read(message, line):
    assert parse_error_line(message) == line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("# syntax=docker/dockerfile:1\nFROM a\n", 1),
        ("# escape=`\n# Syntax = docker/dockerfile:1\nFROM a\n", 2),
        ("# a comment ends directives\n# syntax=docker/dockerfile:1\nFROM a\n", None),
        ("FROM a\n# syntax=docker/dockerfile:1\n", None),
    ],
)
def test_the_syntax_line_is_a_directive_and_no_comment(text, line):
    found = syntax_line(text)
    assert (found.line_start if found else None) == line


COUNTED = "# syntax=h.example/frontend:1\nFROM busybox\nRUN true\nRUN exit 6\n" + "ENV A=1\nRUN echo\n" * 8
TEN_AND_MORE = [
    ("[ 3/11] RUN exit 6", 4),
    ("[stage-0  3/11] RUN exit 6", 4),
    ("[linux/arm64 stage-0  3/11] RUN exit 6", 4),
    ("[11/11] RUN echo", 20),
    ("resolve image config for docker-image://h.example/frontend:1", 1),
    ("docker-image://h.example/frontend:1@sha256:" + "a" * 64, 1),
]


@pytest.mark.parametrize(("name", "line"), TEN_AND_MORE)
def test_every_form_of_a_vertexs_name_leads_to_its_line(name, line):
    assert find_instruction(COUNTED, name).instruction.line_start == line


CHILD = "FROM base\nRUN echo fine\nCOPY a /b\n"


@pytest.mark.parametrize(
    ("name", "line", "by_onbuild"),
    [
        ("[2/3] RUN exit 3", 1, True),  # 20.10 does not count it in the total
        ("[3/3] COPY nothing /x", 1, True),
        ("[2/4] RUN exit 3", 1, True),
        ("[2/4] RUN echo fine", 1, True),  # the same text as the child's own, at ONBUILD's place
        ("[3/4] RUN echo fine", 2, False),
        ("[4/4] COPY a /b", 3, False),
        ("[2/3] RUN echo fine", 2, False),
    ],
)
def test_what_the_base_image_asked_for_is_at_the_from_that_names_it(name, line, by_onbuild):
    found = find_instruction(CHILD, name)
    assert (found.instruction.line_start, found.by_onbuild) == (line, by_onbuild)


def test_a_base_that_cannot_have_an_onbuild_gets_no_blame():
    assert find_instruction("FROM scratch\nCOPY a /b\n", "[1/1] COPY c /d") is None
