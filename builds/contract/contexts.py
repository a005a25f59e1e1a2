"""Uploaded contexts, as the API answers and takes them."""

from rest_framework import serializers

from builds.contract.fields import Model, Number, PlainTime, Text


class Context(Model):
    """A context that was stored."""

    contextSeq = Number("Number of the context, for contextSeq of POST run", source="pk", example=1)
    fileCount = Number("How many files are in it", max_value=None, example=34)
    byteCount = Number("Length of the archive as it was received", max_value=None, example=1_234_567)
    sha256 = Text(
        "SHA-256 of the archive as it was received",
        example="b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c",
    )
    created = PlainTime("When it was stored", source="created_at")


class ContextUpload(serializers.Serializer[None]):
    """An archive in a form."""

    body_name = "ContextUpload"

    dataFile = serializers.FileField(help_text="A tar, tar.gz or zip")
