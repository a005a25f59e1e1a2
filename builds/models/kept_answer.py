"""Answers kept for requests that carry an Idempotency-Key (ADR 15)."""

from django.db import models


class KeptAnswer(models.Model):
    """The first answer to a request; `caller` and `key` name it, `fingerprint` says which request it was."""

    caller = models.CharField(max_length=64, help_text="token:<id> or user:<id>.")
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of method, path, query and body.")
    status = models.PositiveIntegerField(default=0, help_text="0: the request is being answered.")
    headers = models.JSONField(default=dict)
    body = models.BinaryField(default=b"")
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["caller", "key"], name="kept_answer_once")]

    def __str__(self) -> str:
        return f"{self.caller} {self.key}"
