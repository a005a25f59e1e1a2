"""API tokens: listed and revoked; what a token is can be read nowhere, its digest neither."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest

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
        *("created_at", "expires_at", "last_used_at", "revoked_at"),
    )

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Say whether the reader may change tokens."""
        return request.user.has_perm("builds.change_apitoken")

    @admin.action(description="Revoke", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: "QuerySet[ApiToken]") -> None:
        """Revoke each; what is revoked stays so."""
        live = list(queryset.filter(revoked_at=None))
        ApiToken.objects.filter(pk__in=[token.pk for token in live], revoked_at=None).update(revoked_at=Now())
        for token in live:
            self.log_change(request, token, "Revoked.")
        messages.success(request, f"{len(live)} revoked; programs that used them are refused from now on.")
