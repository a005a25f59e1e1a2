"""Engines that builds bring with them, as servers: each address once."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """One column and its constraint."""

    dependencies = [("builds", "0021_draining_servers")]

    operations = [
        migrations.AddField(
            model_name="buildserver",
            name="given_by_builds",
            field=models.BooleanField(
                default=False,
                editable=False,
                help_text="An address that builds bring with them, and the TLS fields as well.",
            ),
        ),
        migrations.AddConstraint(
            model_name="buildserver",
            constraint=models.UniqueConstraint(
                condition=models.Q(("given_by_builds", True)), fields=("url",), name="server_given_by_builds_once"
            ),
        ),
    ]
