"""Accounts (tenants) and who belongs to them."""

from django.conf import settings
from django.db import models

from builds.domain.access import Role
from builds.models.choices import choices, one_of

ACCOUNT_ROLES = (Role.VIEWER, Role.OPERATOR, Role.ADMIN)


class Account(models.Model):
    """A tenant: `accountSeq` at the API."""

    name = models.CharField(max_length=100, unique=True)
    time_zone = models.CharField(max_length=64, default="UTC", help_text="For automatic tags of kind DATETIME.")
    webhook_secret_encrypted = models.TextField(blank=True, default="", editable=False)
    build_limit = models.PositiveIntegerField(null=True, blank=True, help_text="Builds at most; empty: no limit.")
    parallel_limit = models.PositiveIntegerField(
        null=True, blank=True, help_text="Builds that may run at the same time; empty: no limit."
    )
    parallel_refuse = models.BooleanField(
        default=False, help_text="Refuse a press above the parallel limit; else the run waits."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A user's role in an account. The instance role is Django's superuser flag (ADR 0008)."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=choices(ACCOUNT_ROLES), default=Role.VIEWER)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "user"], name="membership_once"),
            one_of("role", ACCOUNT_ROLES, "membership_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user} is {self.role} of {self.account}"
