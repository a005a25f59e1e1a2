"""What engines have told of themselves, with build servers and worker hosts."""

from django.db import migrations, models

FACTS = (
    ("engine_version", lambda: models.CharField(blank=True, default="", editable=False, max_length=100)),
    ("engine_warnings", lambda: models.JSONField(blank=True, default=list, editable=False)),
    ("disk_free", lambda: models.BigIntegerField(editable=False, help_text="Bytes; empty: not known.", null=True)),
    ("seen_at", lambda: models.DateTimeField(editable=False, help_text="When it answered last.", null=True)),
    (
        "trouble",
        lambda: models.TextField(blank=True, default="", editable=False, help_text="Why it has not answered since."),
    ),
    (
        "log_clipped_at",
        lambda: models.DateTimeField(
            editable=False, help_text="When it last left out output of an instruction.", null=True
        ),
    ),
)


class Migration(migrations.Migration):
    """The same columns of both."""

    dependencies = [("builds", "0023_hosts_of_topics")]

    operations = [
        migrations.AddField(model_name=model, name=name, field=field())
        for model in ("buildserver", "workerhost")
        for name, field in FACTS
    ]
