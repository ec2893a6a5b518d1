"""Airflow's simple auth manager, with logins that end with the user or the password."""

import hashlib
import hmac
from typing import Any

from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from airflow.configuration import conf

PASSWORD_CLAIM = "password_mark"  # noqa: S105


class ListedUsersAuthManager(SimpleAuthManager):
    """The simple auth manager, for which list and passwords also decide about existing logins.

    Airflow's own trusts the token: a removed user stays logged in, with the old role, until it expires.
    """

    def serialize_user(self, user: SimpleAuthManagerUser) -> dict[str, Any]:
        """Return a token's claims, with a mark of the user's password."""
        return {**super().serialize_user(user), PASSWORD_CLAIM: self._password_mark(user.username)}

    def deserialize_user(self, token: dict[str, Any]) -> SimpleAuthManagerUser:
        """Return the user of a token, with the listed role.

        :raises ValueError: the user is not listed, or has another password now.
        """
        users = {user.username: user for user in self.get_users()}
        name = token["sub"]
        if name not in users or token.get(PASSWORD_CLAIM) != self._password_mark(name):
            raise ValueError("the user was removed, or has another password now")
        return users[name]

    def _password_mark(self, name: str) -> str:
        """Return a digest that only this installation can compute: tokens are readable."""
        key = conf.get_mandatory_value("api", "secret_key")
        password = self.get_passwords().get(name, "")
        return hmac.new(key.encode(), f"{name}:{password}".encode(), hashlib.sha256).hexdigest()
