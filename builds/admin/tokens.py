"""API tokens: listed and revoked; what a token is can be read nowhere, its digest neither."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from builds.admin.actions import ask_each, revoke
from builds.admin.base import ReadOnlyAdmin
from builds.models import ApiToken


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    """Tokens."""

    actions = ("revoke",)
    list_display = ("id", "name", "owner", "account", "scopes", "expires_at", "last_used_at", "revoked_at")
    list_display_links = ("id", "name")
    list_filter = (("revoked_at", admin.EmptyFieldListFilter),)
    list_select_related = ("owner", "account")
    search_fields = ("name", "owner__username", "account__name")
    ordering = ("-id",)
    fields = (
        *("name", "owner", "account", "scopes", "limited_to_builds", "builds"),
        *("allowed_ranges", "blocked_ranges", "requests_per_minute"),
        *("created_at", "expires_at", "last_used_at", "revoked_at"),
    )

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Say whether the reader may change tokens."""
        return request.user.has_perm("builds.change_apitoken")

    @admin.action(description="Revoke", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: "QuerySet[ApiToken]") -> None:
        """Revoke each that is live; what is revoked stays so."""
        ask_each(request, queryset.filter(revoked_at=None).values_list("pk", flat=True), revoke, what="Token")
