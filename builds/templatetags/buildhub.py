"""Words and icons for the templates. Everything is escaped by the template engine; nothing here marks text as safe."""

from datetime import datetime, timedelta

from django import template
from django.utils import timezone

from builds.pages import labels, words
from builds.pages.navigation import Section, sections_for

register = template.Library()


@register.filter
def duration(length: timedelta | float | None) -> str:
    """Show a length of time: `6.2 s`, `2:41`."""
    return words.duration_words(length)


@register.filter
def clock(since: datetime) -> str:
    """Show the time since `since` as the counting clock does."""
    return words.clock_words(timezone.now() - since)


@register.filter
def filesize(size: int) -> str:
    """Show a size in bytes, or how much two differ, in the unit that reads best."""
    return words.size_words(abs(size))


@register.filter
def age(moment: datetime) -> str:
    """Show how long ago a moment was."""
    return words.age_words(moment, timezone.now())


@register.filter
def for_people(sentence: str) -> str:
    """Show a sentence of the services with the pages' words for fields of the API."""
    return labels.for_people(sentence)


@register.filter
def place_words(path: str) -> str:
    """Show where an error stands that no field of a form has."""
    return labels.place_words(path)


@register.filter
def iso(moment: datetime) -> str:
    """Show a moment for programs."""
    return moment.isoformat(timespec="milliseconds")


@register.simple_tag(takes_context=True)
def sections(context: template.RequestContext) -> list[Section]:
    """Return the parts of the site for the bar on top; the one that the page belongs to is current."""
    return sections_for(context.request.path)


@register.inclusion_tag("components/icon.html")
def icon(name: str, kind: str = "") -> dict[str, str]:
    """Draw an icon of the sprite; `kind` is `spin` or `l`."""
    return {"name": name, "kind": kind}
