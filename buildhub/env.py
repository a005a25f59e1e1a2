"""Readers for the environment. A wrong value stops the start and says what to write.

The sentence is always `NAME='value': what is wrong: what to write`; the value of a secret is left out, and the file is
named where the value came from one. What is allowed is a rule (rules.py): it takes the value and returns the rest of
the sentence, or None.
"""

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from django.core.exceptions import ImproperlyConfigured

Rule = Callable[[str], str | None]
LOGIN: Final = re.compile(r"(?<=://).*@|\A(?!.*://).*@", re.DOTALL)  # a user and password within an address
FROM_FILE: Final[dict[str, Path]] = {}  # which settings came from a .env file


def wrong(name: str, sentence: str, *, value: str = "") -> ImproperlyConfigured:
    """Return the error for setting `name`; `sentence` is `what is wrong: what to write`. No `value`: hidden."""
    shown = f"={LOGIN.sub('***@', value)[:200]!r}" if value else ""
    place = f" in {FROM_FILE[name]}" if name in FROM_FILE else ""
    return ImproperlyConfigured(f"{name}{shown}{place}: {sentence}")


def text(name: str, default: str = "", *, rule: Rule | None = None, hidden: bool = False) -> str:
    """Read a text setting; unset or empty gives `default`. `hidden`: an error does not show the value."""
    value = os.environ.get(name, "").strip()
    if value and rule and (sentence := rule(value)):
        raise wrong(name, sentence, value="" if hidden else value)
    return value or default


def listed(name: str, *, rule: Rule) -> tuple[str, ...]:
    """Read a comma-separated setting; each entry has to obey `rule`."""
    value = text(name)
    entries = tuple(entry.strip() for entry in value.split(",") if entry.strip())
    for entry in entries:
        if sentence := rule(entry):
            raise wrong(name, sentence, value=value)
    return entries


def flag(name: str, *, default: bool) -> bool:
    """Read a yes/no setting; anything but `true` or `false` is wrong."""
    given = text(name)
    if not given:
        return default
    if given.lower() not in ("true", "false"):
        raise wrong(
            name, f"neither true nor false: write one of them, or unset it for {str(default).lower()}.", value=given
        )
    return given.lower() == "true"


def word(name: str, default: str, *, words: Sequence[str]) -> str:
    """Return one of `words`."""
    given = text(name, default)
    if given not in words:
        raise wrong(name, f"not known: write one of {', '.join(words)}.", value=given)
    return given


def number(name: str, default: int, *, minimum: int, maximum: int) -> int:
    """Read a whole number between `minimum` and `maximum`, both included."""
    given = text(name)
    if not given:
        return default
    # Twelve digits are more than any maximum; int() of thousands would be slow, then refused in other words.
    if not given.isascii() or not given.isdigit() or len(given) > 12 or not minimum <= int(given) <= maximum:
        sentence = f"no whole number from {minimum} to {maximum}: write such a number, or unset it for {default}."
        raise wrong(name, sentence, value=given)
    return int(given)


def secret(name: str, *, rule: Rule | None = None) -> str:
    """Read a secret from `name`, or from the file that `name`_FILE names; neither gives an empty text."""
    value, path = text(name, rule=rule, hidden=True), text(f"{name}_FILE")
    if value and path:
        raise wrong(name, f"{name}_FILE is set too: keep one of them.")
    return _content(name, path, rule) if path else value


def _content(name: str, path: str, rule: Rule | None) -> str:
    """Return the secret in the file that `name`_FILE names."""
    try:
        content = Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        said = f"cannot be read ({error.strerror}): write the path of a file that this user may read."
        raise wrong(f"{name}_FILE", said, value=path) from None
    except UnicodeDecodeError:
        raise wrong(f"{name}_FILE", "holds no UTF-8 text: write the secret there as text.", value=path) from None
    if not content:
        raise wrong(f"{name}_FILE", f"is empty: write the secret into that file, or unset {name}_FILE.", value=path)
    if rule and (problem := rule(content)):
        raise wrong(f"{name}_FILE", f"what that file holds {problem}", value=path)
    return content


def files_named() -> frozenset[Path]:
    """Return the files that settings name (NAME_FILE): they may lie in the data directory before its first use."""
    named = (value for name, value in os.environ.items() if name.startswith("BUILDHUB_") and name.endswith("_FILE"))
    return frozenset(Path(value.strip()).resolve() for value in named)


def kept_secret(name: str, path: Path, make: Callable[[], str], *, rule: Rule) -> str:
    """Read the secret that is kept in `path` for setting `name`; made there (0600) by calling `make` the first time.

    Raises `OSError` where that file can be neither read nor made.
    """
    path.parent.mkdir(mode=0o711, parents=True, exist_ok=True)  # `make run` closes it further
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
    kept = path.read_text(encoding="utf-8", errors="replace").strip()
    if sentence := rule(kept):
        raise ImproperlyConfigured(f"{path}, kept for {name}, {sentence} Or bring that file back from a backup.")
    return kept


def load_dotenv(path: Path) -> None:
    """Read NAME=value lines of `path` into the environment; what is set already wins. No file is no error."""
    for number_, line in enumerate(_lines(path), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        name, separator, value = (part.strip() for part in stripped.removeprefix("export ").partition("="))
        if not separator or not name.isidentifier() or "\0" in value:
            raise ImproperlyConfigured(f"{path}, line {number_}: no setting: write NAME=value, or # before a remark.")
        if name == "BUILDHUB_DATA_DIR":
            raise ImproperlyConfigured(
                f"{path}, line {number_}: BUILDHUB_DATA_DIR is how this file is found: write it in the environment."
            )
        if name not in os.environ:
            os.environ[name] = value.strip("'\"")
            FROM_FILE[name] = path


def _lines(path: Path) -> list[str]:
    """Return the lines of a .env file; none where there is no such file."""
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise ImproperlyConfigured(f"{path}: cannot be read ({error.strerror}): let this user read it.") from None
    except UnicodeDecodeError:
        raise ImproperlyConfigured(f"{path}: no UTF-8 text: write lines of NAME=value.") from None
