"""When a server was last given something: servers that share workers take turns."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """One column."""

    dependencies = [("builds", "0024_engine_facts")]

    operations = [
        migrations.AddField(
            model_name="buildserver",
            name="served_at",
            field=models.DateTimeField(editable=False, help_text="When a run that waited was last claimed.", null=True),
        ),
    ]
