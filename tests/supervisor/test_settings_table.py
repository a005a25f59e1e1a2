"""Every setting: a wrong value stops the start before anything is written, and the sentence says what to write."""

import re

import pytest

from supervisor.plan import CHECKOUT
from tests.supervisor.settings_cases import CASES
from tests.supervisor.start import start

SECRET = "hunter2"
NAMES = {name for name, _, _ in CASES}
ONE_OF_EACH = list({name: (name, value, part) for name, value, part in CASES if name != "BUILDHUB_DATA_DIR"}.values())


def case_id(case):
    return f"{case[0]}={case[1][:30]}"


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_a_wrong_value_stops_the_start_before_anything_is_written(open_folder, case):
    name, value, part = case
    stopped = start(open_folder / "var", **{name: value})
    assert stopped.code == 1
    assert stopped.sentence.startswith((f"buildhub: {name}={value!r}: ", f"buildhub: {name}: ", f"buildhub: {name}='"))
    assert part in stopped.sentence
    assert SECRET not in stopped.said
    assert not (open_folder / "var").exists()


@pytest.mark.parametrize("case", ONE_OF_EACH, ids=case_id)
def test_a_wrong_value_in_the_env_file_of_used_data_stops_the_start_and_the_file_is_named(open_folder, case):
    name, value, part = case
    (open_folder / "secret-key").write_text("q7Rk-" * 20, encoding="utf-8")
    (open_folder / ".env").write_text(f"# ours\nexport {name}='{value}'\n", encoding="utf-8")
    stopped = start(open_folder, **{name: ""})
    assert stopped.code == 1
    assert f" in {open_folder}/.env: " in stopped.sentence
    assert stopped.sentence.startswith(f"buildhub: {name}")
    assert part in stopped.sentence
    assert sorted(entry.name for entry in open_folder.iterdir()) == [".env", "secret-key"]


def backticked(text):
    """Return the names of settings in `text`; `NAME[_FILE]` is two."""
    found = re.findall(r"`([A-Z][A-Z0-9_]+)(\[_FILE\])?`", text)
    return {name for name, _ in found} | {f"{name}_FILE" for name, file in found if file}


def test_every_setting_of_the_readme_has_a_row():
    section = (CHECKOUT / "README.md").read_text(encoding="utf-8").partition("## Settings")[2].partition("\n## ")[0]
    columns = "\n".join(line.split("|")[1] for line in section.splitlines() if line.startswith("| `"))
    named = backticked(columns)
    assert len(named) > 15
    assert named | {f"{name}_FILE" for name in named if name.endswith(("_PASSWORD", "_KEY", "_KEYS"))} == NAMES


def test_every_setting_of_the_contract_has_a_row():
    text = (CHECKOUT / "docs" / "contract.md").read_text(encoding="utf-8")
    named = backticked(text.partition("\n## Environment")[2])
    assert len(named) > 20
    assert named <= NAMES


def test_a_setting_that_the_program_reads_has_a_row():
    source = (CHECKOUT / "buildhub" / "settings.py").read_text(encoding="utf-8")
    read = set(re.findall(r'env\.(?:text|flag|number|secret|listed|kept_secret)\(\s*"([A-Z0-9_]+)"', source))
    inner = {"BUILDHUB_WORKER_HOST"}  # set by BuildHub's own programs
    assert "BUILDHUB_SECRET_KEY" in read
    assert read - inner <= NAMES
