"""API tokens: only a hash is stored."""

from django.conf import settings
from django.db import models


class ApiToken(models.Model):
    """A named right to call the API as its owner, within an account, scopes and builds."""

    name = models.CharField(max_length=100)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    account = models.ForeignKey(
        "builds.Account", on_delete=models.CASCADE, null=True, blank=True, related_name="api_tokens"
    )
    digest = models.CharField(max_length=64, unique=True, editable=False, help_text="SHA-256 of the token.")
    scopes = models.JSONField(default=list)
    builds = models.ManyToManyField("builds.Build", blank=True, related_name="+", help_text="None chosen: every build.")
    limited_to_builds = models.BooleanField(default=False)
    allowed_ranges = models.JSONField(default=list, blank=True, help_text="Addresses and CIDRs; none: from anywhere.")
    blocked_ranges = models.JSONField(default=list, blank=True, help_text="Win over the allowed ones.")
    requests_per_minute = models.PositiveIntegerField(default=0, help_text="0: no limit.")
    minute_began_at = models.DateTimeField(null=True, blank=True, editable=False)
    minute_count = models.PositiveIntegerField(default=0, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "API token"

    def __str__(self) -> str:
        return self.name
