"""Print static/css/components/ansi.css: one class for each colour of the palette, readable in both themes.

`PYTHONPATH=. .venv/bin/python scripts/ansi_css.py > static/css/components/ansi.css`; a test says when that is due.
"""

import sys
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final

from builds.pages.palette import FIRST_OF_CUBE, LEAST_CONTRAST, PALETTE, channels, contrast

HEAD: Final = """\
/* Made by scripts/ansi_css.py: the 256 colours of terminal output (builds/pages/palette.py).
   -fg-: on the log's own ground, for each theme (the first 16 stand in log.css); -bg- and -on-: a ground of the
   program's own and the text on it. */
"""
# What lies under a line, for each theme: tokens.css and log.css, plain, pointed at, marked, of an error, of a failure.
LIGHT_GROUNDS: Final = (0xFCFCFD, 0xEFEFF0, 0xE9EDFB, 0xF4E4E4, 0xFDEDEB)
DARK_GROUNDS: Final = (0x0B0D11, 0x17191E, 0x1C2340, 0x261C1E, 0x341614)
STEPS: Final = 64
RULES_IN_A_LINE: Final = 4


def towards(colour: int, end: int, step: int) -> int:
    """Return `colour`, moved by so many of 64 steps towards 0x00 or 0xFF in each channel."""
    red, green, blue = (value + (end - value) * step // STEPS for value in channels(colour))
    return red << 16 | green << 8 | blue


def readable(colour: int, grounds: tuple[int, ...], end: int) -> int:
    """Return the colour nearest to `colour` that can be read on all `grounds`."""
    moved = (towards(colour, end, step) for step in range(STEPS + 1))
    return next(one for one in moved if all(contrast(one, ground) >= LEAST_CONTRAST for ground in grounds))


def rules() -> Iterator[str]:
    """Yield the rules, one for each class."""
    for place, colour in enumerate(PALETTE):
        if place >= FIRST_OF_CUBE:
            light, dark = readable(colour, LIGHT_GROUNDS, 0x00), readable(colour, DARK_GROUNDS, 0xFF)
            yield f".ansi-fg-{place} {{ color: light-dark(#{light:06x}, #{dark:06x}); }}"
    written: tuple[tuple[str, Callable[[int], str]], ...] = (
        ("on", lambda colour: f"color: #{colour:06x}"),
        ("bg", lambda colour: f"background: #{colour:06x}"),
    )
    for name, look in written:
        for place, colour in enumerate(PALETTE):
            yield f".ansi-{name}-{place} {{ {look(colour)}; }}"


def style_sheet() -> str:
    """Return the whole file."""
    remaining = rules()
    lines = iter(lambda: list(islice(remaining, RULES_IN_A_LINE)), [])
    return HEAD + "".join(f"{' '.join(line)}\n" for line in lines)


if __name__ == "__main__":
    sys.stdout.write(style_sheet())
