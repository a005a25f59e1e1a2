#!/usr/bin/env python
"""Django's command line for BuildHub."""

import os
import sys


def main() -> None:
    """Run one management command."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "buildhub.settings")
    from django.core.exceptions import ImproperlyConfigured  # noqa: PLC0415  the settings must be named first

    try:
        if sys.argv[1:2] == ["supervise"]:  # starts processes that load the apps; has no use for them itself
            from builds.management.commands.supervise import Command  # noqa: PLC0415

            Command().run_from_argv(sys.argv)
        else:
            from django.core.management import execute_from_command_line  # noqa: PLC0415

            execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:  # a wrong setting: its sentence has the remedy, a trace would hide it
        sys.exit(f"buildhub: {error}")


if __name__ == "__main__":
    main()
