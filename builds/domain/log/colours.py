"""Colours of terminal output, as SGR parameters name them (ECMA-48, section 8.3.117; ITU-T T.416 for 38 and 48).

A colour is a number: below 256 of the terminal's palette, of which the first 16 have parameters of their own, or
`TRUE_COLOUR` with 0xRRGGBB beside it.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

TRUE_COLOUR: Final = 1 << 24
FOREGROUND: Final = 38  # what follows says which; 39 is the default again
BACKGROUND: Final = 48
UNDERLINE: Final = 58
NAMED: Final = {
    code + place: (which, colour + place)
    for code, which, colour in ((30, FOREGROUND, 0), (40, BACKGROUND, 0), (90, FOREGROUND, 8), (100, BACKGROUND, 8))
    for place in range(8)
}
CODES: Final = {named: code for code, named in NAMED.items()}
PARAMETERS: Final = {5: 1, 2: 3}  # behind the kind of a colour: its place in the palette, or red, green and blue


def extended_colour(within: Sequence[int], following: Iterator[Sequence[int]]) -> int | None:
    """Return the colour that `5:n`, `2:r:g:b` or `2:space:r:g:b:…` names, None for what names none.

    `within`: the numbers behind 38, 48 or 58 in the same parameter. Where there are none, they are taken from the
    parameters that follow (`5;n`, `2;r;g;b`).
    """
    if not within:
        kind = next(following, [0])[0]
        values = [number for number, *_ in islice(following, PARAMETERS.get(kind, 0))]
    else:
        kind, *values = within
        values = values[1:4] if kind == 2 and len(values) > 3 else values
    if len(values) != PARAMETERS.get(kind) or max(values) > 255:
        return None
    return values[0] if kind == 5 else TRUE_COLOUR | int.from_bytes(values)


def colour_parameters(which: int, colour: int | None) -> list[str]:
    """Return the SGR parameters that set a colour, none for the default; `which`: FOREGROUND or BACKGROUND."""
    if colour is None:
        return []
    if colour >= TRUE_COLOUR:
        return [str(number) for number in (which, 2, *(colour - TRUE_COLOUR).to_bytes(3))]
    return [str(CODES[which, colour])] if colour < 16 else [str(which), "5", str(colour)]
