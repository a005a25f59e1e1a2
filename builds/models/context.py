"""Contexts that were uploaded: an archive exactly as it was received, in pieces, so that a worker needs the database
only.
"""

from django.conf import settings
from django.db import models


class UploadedContext(models.Model):
    """An archive that was uploaded for a build. `byte_count` and `sha256` are of the archive, not of its files."""

    account = models.ForeignKey("builds.Account", on_delete=models.PROTECT, related_name="+")
    build = models.ForeignKey("builds.Build", on_delete=models.PROTECT, related_name="contexts")
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    kind = models.CharField(max_length=8, help_text="tar, tar.gz or zip.")
    file_count = models.PositiveBigIntegerField()
    byte_count = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"context {self.pk}"


class ContextChunk(models.Model):
    """Up to 1 MiB of an archive; the chunks in the order of their numbers, from 0, are the whole."""

    context = models.ForeignKey(UploadedContext, on_delete=models.CASCADE, related_name="chunks", db_index=False)
    number = models.PositiveIntegerField()
    data = models.BinaryField(help_text="Not compressed by PostgreSQL: most archives are compressed already.")

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["context", "number"], name="context_chunk_once")]

    def __str__(self) -> str:
        return f"chunk {self.number} of context {self.context_id}"
