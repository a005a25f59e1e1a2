"""Reads HTML as programs do: by hooks."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

VOID = ("meta", "link", "input", "br", "img", "hr", "path", "rect", "line", "circle")


@dataclass
class Element:
    """An element with its attributes, its text and what stands around it."""

    name: str
    attributes: dict[str, str]
    parents: tuple["Element", ...]
    texts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Return all text within, single blanks between words."""
        return " ".join("".join(self.texts).split())


class Page(HTMLParser):
    """A parsed page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs}, tuple(self._open))
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}, tuple(self._open)))

    def handle_endtag(self, tag: str) -> None:
        while self._open:
            if self._open.pop().name == tag:
                return

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.texts.append(data)

    def with_(self, attribute: str, value: str | None = None) -> list[Element]:
        """Return the elements that carry an attribute."""
        return [
            element
            for element in self.elements
            if attribute in element.attributes and value in (None, element.attributes[attribute])
        ]

    def one(self, attribute: str, value: str | None = None) -> Element:
        """Return the only element that carries an attribute."""
        (found,) = self.with_(attribute, value)
        return found

    def actions(self, under: str = "main", value: str | None = None) -> set[str]:
        """Return the buttons below an element: a name of a tag, or an attribute with its value."""
        return {
            element.attributes["data-action"] for element in self.with_("data-action") if _below(element, under, value)
        }

    @property
    def main_text(self) -> str:
        """Return the text of <main>."""
        return next(element for element in self.elements if element.name == "main").text


def read(answer: Any, status: int = 200) -> Page:
    """Return the page of an answer with the status that is expected."""
    assert answer.status_code == status, answer.content.decode()[:2000]
    return Page(answer.content.decode())


def _below(element: Element, under: str, value: str | None) -> Iterator[Element] | bool:
    around = (element, *element.parents)
    return any(one.name == under or (value is not None and one.attributes.get(under) == value) for one in around)
