"""What instructions print arrives as it was printed: all of it, byte for byte."""

import base64
import random

from tests.engine.support import Told, mark, request


def test_arbitrary_bytes_on_both_streams_arrive_exact(engine, base_image, never):
    noise = random.Random(20261123)  # noqa: S311 - reproducible noise, no secret
    out, err = (bytes(range(256)) + noise.randbytes(24_000) for _ in range(2))
    told = Told()
    dockerfile = (
        f"FROM {base_image}\n"
        f"RUN : {mark()}; echo {base64.b64encode(out).decode()} | base64 -d;"
        f" echo {base64.b64encode(err).decode()} | base64 -d >&2\n"
    )
    engine.build(request(dockerfile), told, never)
    name = told.last("RUN :").name
    assert told.output() == {(name, 1): out, (name, 2): err}


def test_twenty_thousand_lines_arrive_in_order_and_complete(engine, base_image, never):
    told = Told()
    engine.build(request(f"FROM {base_image}\nRUN : {mark()}; seq 1 20000\n"), told, never)
    assert told.stdout() == b"".join(b"%d\n" % number for number in range(1, 20_001))


def test_output_in_another_encoding_does_not_disturb_the_trace(engine, base_image, never):
    told, word = Told(), mark()
    engine.build(request(f"FROM {base_image}\nRUN printf '\\351t\\351 {word}\\n'; exit 0\n"), told, never)
    assert told.stdout() == b"\xe9t\xe9 " + word.encode() + b"\n"
