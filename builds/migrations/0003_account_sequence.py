"""First starts inserted account 1 with its number and left the sequence behind: the next account wanted number 1 too."""

from django.db import migrations

CATCH_UP = """
SELECT setval('builds_account_id_seq', GREATEST(MAX(id), (SELECT last_value FROM builds_account_id_seq)))
  FROM builds_account HAVING MAX(id) IS NOT NULL
"""


class Migration(migrations.Migration):
    dependencies = [
        ("builds", "0002_api_family"),
    ]

    operations = [
        migrations.RunSQL(CATCH_UP, migrations.RunSQL.noop),
    ]
