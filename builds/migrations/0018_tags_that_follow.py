"""Events of a moved `latest` become events of moved tags, which name them."""

from django.db import migrations

FORWARD = """
UPDATE builds_runevent SET what = 'tags moved', facts = facts || '{"tags": ["latest"]}' WHERE what = 'latest'
"""
BACK = "UPDATE builds_runevent SET what = 'latest', facts = facts - 'tags' WHERE what = 'tags moved'"


class Migration(migrations.Migration):
    dependencies = [("builds", "0017_uploaded_contexts")]

    operations = [migrations.RunSQL(FORWARD, BACK)]
