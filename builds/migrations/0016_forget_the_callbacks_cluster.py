"""The service workers send callbacks: the row of the cluster that did so would owe an answer for ever."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def forget(apps: StateApps, _editor: BaseDatabaseSchemaEditor) -> None:
    """Delete the row; a sweeper makes one anew for each cluster that it knows."""
    apps.get_model("builds", "WorkerCluster").objects.filter(name="callbacks").delete()


class Migration(migrations.Migration):
    dependencies = [("builds", "0015_count_runs")]
    operations = [migrations.RunPython(forget, migrations.RunPython.noop)]
