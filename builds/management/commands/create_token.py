"""`manage.py create_token USER`: one API token, alone on the last line of stdout."""

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from builds.domain.access import Scope
from builds.management.database import need_database
from builds.models import Account, Membership
from builds.services.accounts.tokens import issue_token


class Command(BaseCommand):
    """Makes an API token for a user; it can be read this once."""

    help = "Make one API token for USER; it stands alone on the last line of stdout."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what can be asked for."""
        parser.add_argument("user", metavar="USER", help="user name")
        parser.add_argument("--account", type=int, metavar="SEQ", help="account; default: the user's first")
        parser.add_argument("--name", default="command line", metavar="N", help="what the token is called")
        parser.add_argument("--scopes", default="read,run,write", help="comma-separated: read, run, write (all)")
        parser.add_argument("--days", type=int, metavar="D", help="days until it expires; default: never")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make the token; raises `CommandError` with what to do where it cannot be made."""
        need_database()
        user = User.objects.filter(username=options["user"]).first()
        if user is None:
            name = options["user"]
            raise CommandError(f"There is no user {name}; create one in Django's admin, or correct the name.")
        known = {scope.value: scope for scope in Scope}
        asked = [word.strip() for word in options["scopes"].split(",") if word.strip()]
        if not asked or any(word not in known for word in asked):
            raise CommandError(f"--scopes={options['scopes']}: use a comma-separated list of {', '.join(known)}.")
        scopes = [scope for word, scope in known.items() if word in asked]
        days = options["days"]
        if days is not None and not 1 <= days <= 36_500:
            raise CommandError("--days has to be a whole number from 1 to 36500.")
        if not options["name"].strip() or len(options["name"]) > 100:
            raise CommandError("--name has to have 1 to 100 characters.")
        account = _account(user, options["account"])
        if account is None:
            self.stderr.write(f"{user.username} belongs to no account: this token sees nothing. Give --account SEQ.")
        self.stdout.write(issue_token(owner=user, account=account, name=options["name"], scopes=scopes, days=days))


def _account(user: User, asked: int | None) -> Account | None:
    """Return the account of the token: that asked for, else the user's first; None where there is none."""
    if asked is None:
        first = Membership.objects.filter(user=user).order_by("account_id").select_related("account").first()
        return first.account if first else None
    account = Account.objects.filter(pk=asked).first()
    if account is None:
        raise CommandError(f"There is no account {asked}; leave --account out for the user's first.")
    if not user.is_superuser and not Membership.objects.filter(user=user, account=account).exists():
        raise CommandError(f"{user.username} does not belong to account {asked}; add the membership first.")
    return account
