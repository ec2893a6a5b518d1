"""Send messages to the services of the Airflow connection `comets_notices`, through the Apprise provider.

The URLs of that connection contain tokens and passwords. Apprise and its HTTP libraries log parts of them, so their
logging is suppressed while sending, and errors contain nothing but the name of the service.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowNotFoundException
from airflow.sdk.log import mask_secret

from comets.errors import NotificationError
from comets.http_logging import suppress_http_logging
from comets.settings import NOTICES_CONN_ID

if TYPE_CHECKING:
    import apprise

SEND_SECONDS = 10
"""The time for all services together. Airflow ends a task's process 20 seconds after the task."""

_VARIABLE = f"AIRFLOW_CONN_{NOTICES_CONN_ID.upper()}"
_FORM = (
    f"Set COMETS_NOTICES_URL to the URLs of the services as Apprise writes them, or {_VARIABLE} to "
    '{"conn_type": "apprise", "extra": {"config": [{"path": "a URL of a service"}]}}.'
)
_MIN_TOKEN_CHARS = 12


def find_connection() -> Connection | None:
    """Return the Airflow connection for notifications, or None when none is configured."""
    if os.environ.get(_VARIABLE) == "":
        return None
    from airflow.providers.apprise.hooks.apprise import AppriseHook

    try:
        found: Connection = AppriseHook.get_connection(NOTICES_CONN_ID)
    except AirflowNotFoundException:
        if os.environ.get(_VARIABLE):
            raise NotificationError(f"Airflow cannot read {_VARIABLE}. {_FORM}") from None
        return None
    return found


def send(connection: Connection, title: str, body: str, *, is_failure: bool) -> list[str]:
    """Send a message, as plain text, to all services.

    :return: names of the services that did not accept it, when others did
    :raises NotificationError: no service accepted it.
    """
    from apprise import NotifyFormat, NotifyType

    with suppress_http_logging():
        services, are_all_read = _services(connection)
        result = services.notify(
            title=title,
            body=body,
            notify_type=NotifyType.FAILURE if is_failure else NotifyType.INFO,
            body_format=NotifyFormat.TEXT,
            interpret_escapes=False,
            timeout=SEND_SECONDS,
        )
    failed = sorted({service.name for service in result if not service})
    if not any(result):
        raise NotificationError(
            f"no service accepted it ({', '.join(failed)}). Check the URLs of the Airflow connection "
            f"`{NOTICES_CONN_ID}`, and that this machine can reach the services."
        )
    return failed if are_all_read else [*failed, "a URL that Apprise cannot read"]


def _services(connection: Connection) -> tuple[apprise.Apprise, bool]:
    """Return the services, and whether Apprise could read all URLs of the connection."""
    from apprise import Apprise, AppriseAsset, OverflowMode

    services = Apprise(asset=AppriseAsset(app_id="Comets", app_desc="Comet discovery", secure_logging=True))
    # A list: `all` on a generator would stop adding at the first unreadable URL.
    are_read = [services.add(path, tag=tag) for path, tag in _entries(connection)]
    if not len(services):
        raise NotificationError(f"The Airflow connection `{NOTICES_CONN_ID}` has no URL that Apprise can read. {_FORM}")
    for service in services:
        # Else a service rejects a message that is too long for it, at every attempt.
        if service.overflow_mode == OverflowMode.UPSTREAM:
            service.overflow_mode = OverflowMode.SPLIT
    return services, all(are_read)


def _entries(connection: Connection) -> Iterator[tuple[str, Any]]:
    """Yield the URLs with their tags."""
    from airflow.providers.apprise.hooks.apprise import AppriseHook

    try:
        config = AppriseHook(NOTICES_CONN_ID).get_config_from_conn(connection)
        entries = [
            (str(entry["path"]), entry.get("tag")) for entry in (config if isinstance(config, list) else [config])
        ]
    except (AttributeError, KeyError, TypeError, ValueError):
        # `from None`: the original error can contain a password.
        raise NotificationError(f"The Airflow connection `{NOTICES_CONN_ID}` is malformed. {_FORM}") from None
    for path, tag in entries:
        for secret in _secrets(path):
            mask_secret(secret)
        yield path, tag


def _secrets(urls: str) -> Iterator[str]:
    """Yield the parts of one or more URLs that must not appear in a log."""
    yield urls
    for url in re.split(r"[,\s]+", urls):
        yield url
        try:
            password = urlsplit(url).password
        except ValueError:
            password = None
        if password:
            yield from {password, unquote(password)}
        yield from (part for part in re.split(r"[/:@?&=]+", url) if len(part) >= _MIN_TOKEN_CHARS and "." not in part)
