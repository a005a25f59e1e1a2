"""The 256 colours in which terminal output is shown, by the same rules as static/js/palette.js.

scripts/ansi_css.py makes the classes: `ansi-fg-N` on the log's own ground, which is adjusted to each theme, `ansi-bg-N`
for a ground of the program's own and `ansi-on-N` for what is written on one.
"""

from functools import cache, lru_cache
from typing import Final

from builds.domain.log.colours import TRUE_COLOUR
from builds.domain.log.ink import STYLES, Ink

# The first 16 are each terminal's own choice; these are the ones of VS Code's terminal.
NAMED_COLOURS: Final = (
    *(0x000000, 0xCD3131, 0x0DBC79, 0xE5E510, 0x2472C8, 0xBC3FBC, 0x11A8CD, 0xE5E5E5),
    *(0x666666, 0xF14C4C, 0x23D18B, 0xF5F543, 0x3B8EEA, 0xD670D6, 0x29B8DB, 0xFFFFFF),
)
LEVELS: Final = (0, 95, 135, 175, 215, 255)
CUBE: Final = tuple(red << 16 | green << 8 | blue for red in LEVELS for green in LEVELS for blue in LEVELS)
GREYS: Final = tuple((8 + 10 * step) * 0x010101 for step in range(24))
PALETTE: Final = (*NAMED_COLOURS, *CUBE, *GREYS)
FIRST_OF_CUBE: Final = 16
FIRST_GREY: Final = 232
BLACK: Final = 16
WHITE: Final = 231
LEAST_CONTRAST: Final = 4.5  # WCAG 2.2, 1.4.3


def place_of(colour: int) -> int:
    """Return the place in the palette of an ink's colour; of a true one the nearest's, but not of the first 16."""
    if colour < TRUE_COLOUR:
        return colour
    wanted = channels(colour - TRUE_COLOUR)
    steps = [0 if value < 48 else 1 if value < 115 else (value - 35) // 40 for value in wanted]
    in_cube = FIRST_OF_CUBE + 36 * steps[0] + 6 * steps[1] + steps[2]
    grey = FIRST_GREY + min(max((sum(wanted) - 9) // 30, 0), 23)

    def distance(place: int) -> int:
        return sum((one - other) ** 2 for one, other in zip(wanted, channels(PALETTE[place]), strict=True))

    return grey if distance(grey) < distance(in_cube) else in_cube


def channels(colour: int) -> tuple[int, int, int]:
    """Return red, green and blue of 0xRRGGBB."""
    return colour >> 16, colour >> 8 & 0xFF, colour & 0xFF


def contrast(one: int, other: int) -> float:
    """Return the contrast ratio of two colours, 0xRRGGBB (WCAG 2.2)."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@cache
def luminance(colour: int) -> float:
    """Return the relative luminance of 0xRRGGBB (WCAG 2.2)."""
    shares = [value / 255 for value in channels(colour)]
    red, green, blue = (share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@lru_cache(maxsize=1024)  # a log has few inks and many pieces
def classes_of(ink: Ink) -> str:
    """Return the CSS classes that show `ink`, readable whatever its colours are."""
    foreground, background = (None if one is None else place_of(one) for one in (ink.foreground, ink.background))
    names = [style for style in STYLES.values() if style in ink.styles and style != "inverse"]
    if "inverse" in ink.styles:
        if foreground is background is None:
            names.append("inverse")
        foreground, background = background, foreground
        if background is None and foreground is not None:
            background = _legible_on(foreground)
    if background is not None:
        if foreground is None or contrast(PALETTE[foreground], PALETTE[background]) < LEAST_CONTRAST:
            foreground = _legible_on(background)
        names += [f"on-{foreground}", f"bg-{background}"]
    elif foreground is not None:
        names.append(f"fg-{foreground}")
    return " ".join(f"ansi-{name}" for name in names)


def _legible_on(place: int) -> int:
    ground = PALETTE[place]
    return BLACK if contrast(0x000000, ground) >= contrast(0xFFFFFF, ground) else WHITE
