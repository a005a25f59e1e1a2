"""Worker hosts that serve topics alone."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """One column."""

    dependencies = [("builds", "0022_servers_given_by_builds")]

    operations = [
        migrations.AddField(
            model_name="workerhost",
            name="topics_only",
            field=models.BooleanField(default=False),
        ),
    ]
