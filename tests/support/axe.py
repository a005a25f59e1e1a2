"""What axe-core objects to in a page of a real browser."""

from pathlib import Path
from typing import Any

from playwright.sync_api import Page

AXE = (Path(__file__).parents[1] / "vendor/axe-core/axe.min.js").read_text()


# The dark theme differs by its colours alone; all other rules are held against the light one.
ASKED = """axe.run(document, {
    resultTypes: ["violations"],
    ...(matchMedia("(prefers-color-scheme: dark)").matches ? {runOnly: ["color-contrast", "link-in-text-block"]} : {}),
})"""


def violations(page: Page, *, left_out: frozenset[str] = frozenset()) -> list[str]:
    """Return what axe-core objects to, with the elements; `left_out` are names of its rules.

    In the dark theme only the rules on colours are asked.
    """
    page.evaluate(AXE)
    found: list[dict[str, Any]] = page.evaluate(ASKED)["violations"]
    told = [one for one in found if one["id"] not in left_out]
    return [f"{one['id']}: {node['target']} {node['failureSummary']}" for one in told for node in one["nodes"]]
