"""The page of a build's steps as a browser uses it, and what is stored of it."""

from typing import Any

from django.test import Client

from builds.credentials import decrypt_fields
from builds.models import Build, BuildStep, Caller
from builds.services.builds.edit import BuildDraft, StepDraft, create_build
from tests.pages import making
from tests.pages.reading import Page, read
from tests.pages.test_press import values

CANARY = "canary-word-9"
IMAGE = StepDraft("CREATE_IMAGE", config={"docker_file": making.DOCKERFILE, "target": "run"})
HTTP = {"http_mode": "GET", "url": "https://example.com/hook", "username": "robot", "password": CANARY}
SHELL = {"shell_type": "COMMAND", "command": "make"}


def made(caller: Caller, *steps: tuple[str, dict[str, Any]]) -> Build:
    """Create a build with these steps before the one that makes the image."""
    return made_of(caller, *(StepDraft(kind, config=config) for kind, config in steps), IMAGE)


def made_of(caller: Caller, *steps: StepDraft) -> Build:
    """Create a build of these steps."""
    return create_build(caller=caller, draft=BuildDraft(image_name="made", tag_name="1", steps=steps))


def address(build: Build) -> str:
    return f"/builds/{build.pk}/steps"


def sent(page: Page) -> dict[str, str]:
    """Return what a browser sends of the page when Save is pressed."""
    return {name: value for name, value in values(page).items() if name != "add"}


def added(client: Client, build: Build, kind: str, typed: dict[str, str] | None = None) -> Page:
    """Press Add on the page, with what was typed there before."""
    fields = sent(read(client.get(address(build)))) if typed is None else typed
    return read(client.post(address(build), fields | {"addType": kind, "add": "Y"}))


def saved(client: Client, build: Build, **changes: str) -> None:
    """Open the page, change these fields (`steps-0-url` is steps_0_url) and save it."""
    fields = sent(read(client.get(address(build))))
    answer = client.post(address(build), fields | {name.replace("_", "-"): value for name, value in changes.items()})
    assert answer.status_code == 302, answer.content.decode()


def stored(build: Build) -> list[BuildStep]:
    return list(build.steps.order_by("order"))


def secrets(step: BuildStep) -> dict[str, str]:
    return decrypt_fields(step.secrets_encrypted)


def said(page: Page, name: str) -> str:
    """Return the error beside a field."""
    assert page.one("id", name).attributes["aria-invalid"] == "true"
    return page.one("id", f"{name}-error").text
