"""Users of Airflow's UI, their roles, and their passwords in the file of Airflow's simple auth manager."""

import json
import re
import secrets
from collections.abc import Mapping
from pathlib import Path

from include.stack.errors import StackError
from include.stack.files import write_private
from include.stack.output import note, print_table

USERS_VARIABLE = "COMETS_UI_USERS"
AIRFLOW_USERS_VARIABLE = "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS"
PASSWORDS_FILE_VARIABLE = "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"
DEFAULT_USERS = "admin:admin"
ROLES = ("viewer", "user", "op", "admin")
USER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}")
PASSWORD_BYTES = 12


class UserListError(ValueError):
    """The list of users is invalid; the text says how."""


class PasswordsFileError(StackError):
    """The passwords file can't be used; the text names it."""


def parse_users(text: str) -> dict[str, str]:
    """Return the role of each user of a list like `ada:admin,ben:viewer`.

    :raises UserListError: the list is invalid, or has no admin.
    """
    users: dict[str, str] = {}
    for entry in text.split(","):
        name, _, role = (part.strip() for part in entry.partition(":"))
        if not USER_NAME.fullmatch(name) or not role:
            raise UserListError(f"{entry.strip()!r} is not name:role; write a list like ada:admin,ben:viewer")
        if role.lower() not in ROLES:
            raise UserListError(f"{role!r} is not a role; the roles are {', '.join(ROLES)}")
        if name in users:
            raise UserListError(f"the user {name!r} is listed twice")
        users[name] = role.lower()
    if "admin" not in users.values():
        raise UserListError("it has no admin; the commands of the stack log in as the first one")
    return users


def format_users(users: Mapping[str, str]) -> str:
    """Return users in Airflow's form, the same as that of `parse_users`."""
    return ",".join(f"{name}:{role}" for name, role in users.items())


def read_users(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the users of a resolved environment with their roles."""
    return parse_users(variables[AIRFLOW_USERS_VARIABLE])


def first_admin(users: Mapping[str, str]) -> str:
    """Return the first user with the role admin."""
    return next(name for name, role in users.items() if role == "admin")


def update_passwords(variables: Mapping[str, str]) -> None:
    """Generate the password of each new user, and delete those of users that are no longer listed.

    :raises PasswordsFileError: the file is damaged.
    """
    path = Path(variables[PASSWORDS_FILE_VARIABLE])
    known = read_passwords(path)
    write_passwords(path, {name: known.get(name) or new_password() for name in read_users(variables)})


def read_passwords(path: Path) -> dict[str, str]:
    """Return the password of each user; empty if the file does not exist.

    :raises PasswordsFileError: the file is damaged.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(password, str) and password for password in found.values()):
        raise PasswordsFileError(
            f'{path} is not JSON like {{"ada": "a password"}}. Correct it, or delete it for new passwords.'
        )
    return found


def write_passwords(path: Path, passwords: Mapping[str, str]) -> None:
    """Write the passwords file, a line per user. Airflow reads it at each login."""
    write_private(path, json.dumps(passwords, indent=0) + "\n")


def new_password() -> str:
    """Return a random password of 16 letters, digits, "-" and "_"."""
    return secrets.token_urlsafe(PASSWORD_BYTES)


def show_logins(variables: Mapping[str, str], reset: str = "") -> None:
    """Print the users with role and password.

    :param reset: a user that gets a new password first, which ends the user's logins at once.
    :raises PasswordsFileError: the file is damaged, or the user to reset is not listed.
    """
    path = Path(variables[PASSWORDS_FILE_VARIABLE])
    users = read_users(variables)
    passwords = read_passwords(path)
    if reset:
        if reset not in users:
            raise PasswordsFileError(f"{reset!r} is not in {USERS_VARIABLE}: {', '.join(users)}")
        passwords[reset] = new_password()
        write_passwords(path, passwords)
    rows = [(name, role, passwords.get(name, "(generated at the next start)")) for name, role in users.items()]
    print_table(("user", "role", "password"), rows, frozenset({0, 1, 2}))
    note(f"The passwords are in {path}")
