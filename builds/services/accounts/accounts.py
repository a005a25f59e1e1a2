"""Accounts: made and removed by instance admins, named by their own admins."""

from dataclasses import asdict, dataclass
from zoneinfo import available_timezones

from django.db import IntegrityError, transaction

from builds.domain.access import Permission
from builds.domain.errors import FieldError, Invalid, NotFound, NotPossible
from builds.models import Account, Activity, Caller, Did
from builds.services.accounts.access import require_on

LONGEST_NAME = 100  # characters, as the column has


@dataclass(frozen=True, slots=True)
class AccountLimits:
    """What an account may have; None is no limit. `parallel_refuse`: a press above the limit is refused, else waits."""

    build_limit: int | None = None
    parallel_limit: int | None = None
    parallel_refuse: bool = False


def find_account(account_id: int, caller: Caller) -> Account:
    """Return an account of the caller; raises `NotFound` where nothing of it may be seen."""
    account = Account.objects.filter(pk=account_id).first() if caller.role_in(account_id) else None
    if account is None:
        raise NotFound(f"There is no account {account_id}.")
    return account


def locked_account(account_id: int, caller: Caller) -> Account:
    """Return an account that the caller manages, its row locked, so that two changes follow one another."""
    account = find_account(account_id, caller)
    require_on(caller, Permission.MANAGE_ACCOUNT, account)
    return Account.objects.select_for_update().get(pk=account.pk)


def create_account(*, caller: Caller, name: str, time_zone: str, limits: AccountLimits) -> Account:
    """Create an account without members. Raises `NoRight`, and `Invalid` on name and timeZone."""
    with transaction.atomic():
        account = Account()
        require_on(caller, Permission.MANAGE_ACCOUNTS, account)
        _write(account, name, time_zone, limits)
        Activity.record(by=caller.user, did=Did.CREATE_ACCOUNT, account_id=account.pk, detail=account.name)
    return account


def change_account(
    *,
    account_id: int,
    caller: Caller,
    name: str | None = None,
    time_zone: str | None = None,
    limits: AccountLimits | None = None,
) -> Account:
    """Change an account's name, time zone or limits; None keeps. Raises as `create_account`, and `NotFound`."""
    with transaction.atomic():
        account = locked_account(account_id, caller)
        if limits is not None:
            require_on(caller, Permission.MANAGE_ACCOUNTS, account)
        kept = {"name": account.name, "time_zone": account.time_zone}
        given = {key: value for key, value in {"name": name, "time_zone": time_zone}.items() if value is not None}
        _write(account, **{**kept, **given}, limits=limits)
        Activity.record(by=caller.user, did=Did.CHANGE_ACCOUNT, account_id=account.pk, detail=account.name)
    return account


def remove_account(*, account_id: int, caller: Caller) -> None:
    """Remove an account that never had a build. Raises `NotFound`, `NoRight`, `NotPossible`."""
    with transaction.atomic():
        account = locked_account(account_id, caller)
        require_on(caller, Permission.MANAGE_ACCOUNTS, account)
        if account.builds.exists() or account.runs.exists():
            raise NotPossible("ACCOUNT", f"The builds and the history of {account} belong to it, so it stays.")
        Activity.record(by=caller.user, did=Did.REMOVE_ACCOUNT, detail=account.name)
        account.delete()


def account_errors(account: Account, name: str, time_zone: str) -> list[FieldError]:
    """Return what is wrong with a name and a time zone for `account`, a stored or a new one."""
    errors = []
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        errors.append(FieldError("name", "Give the account a name of 1 to 100 characters on one line."))
    elif Account.objects.filter(name=name).exclude(pk=account.pk).exists():
        errors.append(_taken(name))
    if time_zone not in available_timezones():
        errors.append(FieldError("timeZone", "Choose a zone such as UTC or Asia/Seoul."))
    return errors


def _write(account: Account, name: str, time_zone: str, limits: AccountLimits | None) -> None:
    name, time_zone = name.strip(), time_zone.strip()
    if errors := account_errors(account, name, time_zone):
        raise Invalid(errors)
    for column, value in {"name": name, "time_zone": time_zone, **(asdict(limits) if limits else {})}.items():
        setattr(account, column, value)
    try:
        with transaction.atomic():
            account.save()
    except IntegrityError as error:  # two at the same moment: the index decides
        raise Invalid([_taken(name)]) from error


def _taken(name: str) -> FieldError:
    return FieldError("name", f"There is an account {name} already; choose another name.")
