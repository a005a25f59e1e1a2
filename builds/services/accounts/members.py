"""An account's members and their roles; its last admin stays, and nobody raises himself."""

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

from builds.domain.access import Permission, Role
from builds.domain.errors import FieldError, Invalid, NotFound, NotPossible
from builds.domain.steps.checks import unstorable
from builds.models import Account, Activity, Caller, Did, Membership
from builds.models.accounts import ACCOUNT_ROLES
from builds.services.accounts.access import require_on
from builds.services.accounts.accounts import find_account, locked_account

LAST_ADMIN = "This is the last admin of the account; make somebody else admin first."
NO_ROLE = f"Choose one of {', '.join(ACCOUNT_ROLES)}."
OWN_ROLE = "Nobody raises the own role; ask another admin of this account."


def members_of(account_id: int, caller: Caller) -> QuerySet[Membership]:
    """Return the memberships of an account by user name; raises `NotFound`, `NoRight` for all but its admins."""
    account = find_account(account_id, caller)
    require_on(caller, Permission.MANAGE_ACCOUNT, account)
    return Membership.objects.filter(account=account).select_related("user", "account").order_by("user__username")


def add_member(*, account_id: int, user_name: str, role: str, caller: Caller) -> Membership:
    """Give a user who exists a role in the account.

    Raises `Invalid` on userName or role, `NotFound`, `NoRight`.
    """
    with transaction.atomic():
        account = locked_account(account_id, caller)
        name = user_name.strip()
        user = None if unstorable(name) is not None else User.objects.filter(username=name, is_active=True).first()
        errors = member_errors(account, user, role)
        if errors or user is None:
            raise Invalid(errors)
        membership = Membership.objects.create(account=account, user=user, role=Role(role))
        _record(caller, Did.ADD_MEMBER, membership)
    return membership


def change_role(*, membership_id: int, role: str, caller: Caller) -> Membership:
    """Give a member another role. Raises `NotPossible` for the last admin and for a raise of the own role."""
    with transaction.atomic():
        membership = _locked_membership(membership_id, caller)
        if errors := _role_errors(role):
            raise Invalid(errors)
        old, new = Role(membership.role), Role(role)
        if membership.user_id == caller.user.pk and not old.covers(new):
            raise NotPossible("MEMBER", OWN_ROLE)
        if old is Role.ADMIN and new is not Role.ADMIN:
            _keep_an_admin(membership)
        if old is not new:
            membership.role = new
            membership.save(update_fields=["role"])
            _record(caller, Did.CHANGE_ROLE, membership)
    return membership


def remove_member(*, membership_id: int, caller: Caller) -> None:
    """End a membership; tokens of this user for the account see nothing from now on."""
    with transaction.atomic():
        membership = _locked_membership(membership_id, caller)
        if membership.role == Role.ADMIN:
            _keep_an_admin(membership)
        _record(caller, Did.REMOVE_MEMBER, membership)
        membership.delete()


def _locked_membership(membership_id: int, caller: Caller) -> Membership:
    found = Membership.objects.filter(pk=membership_id).first()
    if found is None or caller.role_in(found.account_id) is None:
        raise NotFound(f"There is no member {membership_id}.")
    locked_account(found.account_id, caller)
    again = Membership.objects.select_related("user", "account").filter(pk=membership_id).first()
    if again is None:
        raise NotFound(f"There is no member {membership_id}.")
    return again


def _keep_an_admin(membership: Membership) -> None:
    """Raise `NotPossible` where nobody else who can sign in administers the account."""
    admins = Membership.objects.filter(account_id=membership.account_id, role=Role.ADMIN, user__is_active=True)
    if not admins.exclude(pk=membership.pk).exists():
        raise NotPossible("MEMBER", LAST_ADMIN)


def member_errors(account: Account, user: User | None, role: str) -> list[FieldError]:
    """Return what is wrong with a new member of an account."""
    errors = _role_errors(role)
    if user is None or not user.is_active:
        errors.append(FieldError("userName", "There is no such user; ask an administrator to create the user."))
    elif Membership.objects.filter(account=account, user=user).exists():
        errors.append(FieldError("userName", f"{user.username} is a member already; change the role instead."))
    return errors


def _role_errors(role: str) -> list[FieldError]:
    if role in {known.value for known in ACCOUNT_ROLES}:
        return []
    return [FieldError("role", NO_ROLE)]


def _record(caller: Caller, did: Did, membership: Membership) -> None:
    detail = f"{membership.user.get_username()}: {Role(membership.role).words}"
    Activity.record(by=caller.user, did=did, account_id=membership.account_id, detail=detail)
