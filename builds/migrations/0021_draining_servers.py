"""A build server can be drained."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """One column."""

    dependencies = [("builds", "0020_run_pushed_lately")]

    operations = [
        migrations.AddField(
            model_name="buildserver",
            name="draining",
            field=models.BooleanField(default=False, help_text="Ends what it has; what comes waits."),
        ),
    ]
