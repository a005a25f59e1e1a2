"""Until now a server without grants was for every account; from now on it is for none.

Each account whose builds name such a server, or whose runs went to it, is granted it: nobody's builds stop working.
"""

from typing import Any

from django.db import migrations


def grant(apps: Any, schema_editor: Any) -> None:
    """Grant each server without grants to the accounts that have used it."""
    models = (apps.get_model("builds", name) for name in ("BuildServer", "Build", "BuildRun"))
    servers, builds, runs = (model.objects.using(schema_editor.connection.alias) for model in models)
    for server in servers.filter(is_default=False, accounts=None):
        named = builds.filter(server_host=server.url).values_list("account_id", flat=True)
        ran = runs.filter(server=server).values_list("account_id", flat=True)
        server.accounts.set(set(named) | set(ran))


class Migration(migrations.Migration):
    dependencies = [("builds", "0008_server_accounts_help")]

    operations = [migrations.RunPython(grant, migrations.RunPython.noop, elidable=True)]
