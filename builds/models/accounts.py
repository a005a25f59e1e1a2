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
