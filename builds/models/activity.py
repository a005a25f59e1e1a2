"""Who did what and when."""

from django.conf import settings
from django.db import models


class Activity(models.Model):
    """One deed of a person or program; written in the deed's own transaction."""

    account = models.ForeignKey("builds.Account", on_delete=models.CASCADE, null=True, related_name="activities")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="activities")
    did = models.CharField(max_length=40)
    build = models.ForeignKey("builds.Build", on_delete=models.CASCADE, null=True, related_name="activities")
    run = models.ForeignKey("builds.BuildRun", on_delete=models.CASCADE, null=True, related_name="activities")
    detail = models.CharField(max_length=500, blank=True, default="")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "activities"
        indexes = [models.Index(fields=["account", "-id"], name="activity_newest")]

    def __str__(self) -> str:
        return f"{self.by or 'BuildHub'} {self.did}"
