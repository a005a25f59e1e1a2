"""Readers for the environment (surface.md, "Environment"). A wrong value stops the start and says what to do."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def text(name: str, default: str = "") -> str:
    """Read a text setting; unset or empty gives `default`."""
    return os.environ.get(name, "").strip() or default


def flag(name: str, *, default: bool) -> bool:
    """Read a yes/no setting; anything but `true` or `false` stops the start with a remedy."""
    word = text(name).lower()
    if not word:
        return default
    if word not in ("true", "false"):
        raise ImproperlyConfigured(f"{name}={word!r}: use true or false, or unset it for {str(default).lower()}.")
    return word == "true"


def word(name: str, default: str, *, words: Sequence[str]) -> str:
    """Return one of `words`."""
    given = text(name, default)
    if given not in words:
        raise ImproperlyConfigured(f"{name}={given!r}: use one of {', '.join(words)}.")
    return given


def number(name: str, default: int, *, minimum: int, maximum: int) -> int:
    """Read a whole number between `minimum` and `maximum`, both included."""
    word = text(name)
    if not word:
        return default
    if not word.isascii() or not word.isdigit() or not minimum <= int(word) <= maximum:
        raise ImproperlyConfigured(
            f"{name}={word!r}: use a whole number from {minimum} to {maximum}, or unset it for {default}."
        )
    return int(word)


def secret(name: str) -> str:
    """Read a secret from `name`, or from the file that `name`_FILE names; neither gives an empty text."""
    value, path = text(name), text(f"{name}_FILE")
    if value and path:
        raise ImproperlyConfigured(f"{name} and {name}_FILE are both set: keep one of them.")
    if not path:
        return value
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ImproperlyConfigured(f"{name}_FILE={path!r} cannot be read ({error.strerror}): correct it.") from error


def kept_secret(name: str, path: Path, make: Callable[[], str]) -> str:
    """Read a secret from the environment, else from `path`; made there (0600) by calling `make` the first time."""
    if given := secret(name):
        return given
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(make())
        try:
            os.link(draft, path)  # fails where another process was first: then its secret is the one
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text(encoding="utf-8").strip()


def load_dotenv(path: Path) -> None:
    """Read NAME=value lines of `path` into the environment; what is set already wins. No file is no error."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return
    for number_, line in enumerate(lines, start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        name, separator, value = stripped.removeprefix("export ").partition("=")
        if not separator or not name.strip().isidentifier():
            raise ImproperlyConfigured(f"{path}, line {number_}: write NAME=value, or # before a remark.")
        os.environ.setdefault(name.strip(), value.strip().strip("'\""))
