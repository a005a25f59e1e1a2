"""The secret by which an account's callbacks are signed: made at first need, replaced by its admins."""

import base64
import secrets
from typing import Final

from django.db import transaction

from builds.credentials import decrypt, encrypt
from builds.domain.access import Permission
from builds.domain.errors import NotFound
from builds.models import Account, Activity, Caller, Did
from builds.services.accounts.access import require

PREFIX: Final = "whsec_"  # that Standard Webhooks gives its secrets
SECRET_BYTES: Final = 32  # Standard Webhooks asks for 24 to 64


def webhook_secret(account_id: int) -> str:
    """Return the account's signing secret (`whsec_…`), made at first need."""
    if stored := Account.objects.values_list("webhook_secret_encrypted", flat=True).get(pk=account_id):
        return decrypt(stored)
    with transaction.atomic():
        account = Account.objects.select_for_update(no_key=True).get(pk=account_id)  # runs may be inserted meanwhile
        if account.webhook_secret_encrypted:
            return decrypt(account.webhook_secret_encrypted)
        return _store_new_secret(account)


def rotate_webhook_secret(*, account_id: int, caller: Caller) -> str:
    """Replace the account's signing secret and return the new one: deliveries are signed with it from now on.

    Raises `NotFound` for an account that the caller may not know of, `NoRight` without MANAGE_ACCOUNT.
    """
    with transaction.atomic():
        account = Account.objects.select_for_update(no_key=True).filter(pk=account_id).first()
        if account is None or caller.role_in(account_id) is None:
            raise NotFound(f"There is no account {account_id}.")
        require(caller, Permission.MANAGE_ACCOUNT, account_id)
        Activity.record(by=caller.user, did=Did.ROTATE_WEBHOOK_SECRET, account_id=account.pk, detail=account.name)
        return _store_new_secret(account)


def _store_new_secret(account: Account) -> str:
    secret = PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
    Account.objects.filter(pk=account.pk).update(webhook_secret_encrypted=encrypt(secret))
    return secret
