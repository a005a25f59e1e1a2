"""What the pages of several tables share."""

from typing import TYPE_CHECKING, Any, Final

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.views.main import SEARCH_VAR
from django.core.exceptions import BadRequest
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

if TYPE_CHECKING:
    BaseAdmin = admin.ModelAdmin[Any]
else:
    BaseAdmin = admin.ModelAdmin  # generic for the type checker only

KEY_DIGITS: Final = 18  # a longer number is no key of ours, and PostgreSQL would refuse to compare it


class TableAdmin(BaseAdmin):
    """A table as administrators read it: no exact count of all rows; `unlisted` columns are read only where shown."""

    unlisted: tuple[str, ...] = ()

    list_per_page = 50
    list_max_show_all = 200
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Any]":
        """Return the rows; a list does not read what it does not show."""
        return super().get_queryset(request).defer(*self.unlisted)

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the list, or act; refuses a NUL in a filter and a chosen row without number, on which Django fails."""
        filters = [text for name, texts in request.GET.lists() if name != SEARCH_VAR for text in texts]
        chosen = request.POST.getlist(ACTION_CHECKBOX_NAME)
        if "\0" in "".join(filters) or not all(numbers_in(word) for word in chosen):
            raise BadRequest("No row has such a value.")
        return super().changelist_view(request, *args, **kwargs)


class ReadOnlyAdmin(TableAdmin):
    """A table that is only looked at: it is written by services, and history stays as it is."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Say no."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Say no."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Say no."""
        return False


class OfRunAdmin(ReadOnlyAdmin):
    """A big table below the runs, searched by the run's number alone: any other search would read all of it."""

    search_fields = ("run__id",)
    search_help_text = "Numbers of runs (buildRunSeq)"
    list_select_related = ("run__build",)
    ordering = ("-id",)

    def get_search_results(
        self, request: HttpRequest, queryset: "QuerySet[Any]", search_term: str
    ) -> tuple["QuerySet[Any]", bool]:
        """Return the rows of the runs that are named."""
        if not search_term:
            return queryset, False
        return queryset.filter(run_id__in=numbers_in(search_term)), False


def numbers_in(text: str) -> list[int]:
    """Return the words of `text` that can be keys."""
    return [int(word) for word in text.split() if word.isascii() and word.isdigit() and len(word) <= KEY_DIGITS]
