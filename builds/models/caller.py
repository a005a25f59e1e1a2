"""Who asks: a user, perhaps narrowed by a token."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.contrib.auth.models import User

from builds.domain.access import Role, Scope


@dataclass(frozen=True, slots=True)
class Caller:
    """A user's rights at the time of use, within a token's account, scopes and builds where one is used."""

    user: User
    roles: Mapping[int, Role] = field(default_factory=dict)  # account id -> role
    is_instance_admin: bool = False
    scopes: frozenset[Scope] | None = None  # None: a session, all scopes
    account_id: int | None = None  # a token's account; None: every account of the user
    build_ids: frozenset[int] | None = None  # a token's builds; None: every build

    def role_in(self, account_id: int) -> Role | None:
        """Return the role in an account, or None where nothing of it may be seen."""
        if self.account_id is not None and account_id != self.account_id:
            return None
        if self.is_instance_admin:
            return Role.INSTANCE_ADMIN
        return self.roles.get(account_id)

    @property
    def sees_everything(self) -> bool:
        """True where no account narrows the look-up."""
        return self.is_instance_admin and self.account_id is None

    @property
    def account_ids(self) -> tuple[int, ...]:
        """Return the accounts that may be seen; meaningless where `sees_everything`."""
        if self.account_id is None:
            return tuple(self.roles)
        return (self.account_id,) if self.role_in(self.account_id) else ()
