"""The TikHub hook: one method per request, with typed results and typed errors."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import datetime
from typing import Any, ClassVar

from airflow.providers.http.hooks.http import HttpHook
from airflow.sdk.exceptions import AirflowNotFoundException
from requests import PreparedRequest, Response, Session

from comets.errors import TikHubAmbiguousError, TikHubAuthError, TikHubError, TikHubRequestError, TikHubTransientError
from comets.http_logging import suppress_http_logging
from comets.tikhub.connection import ApiKey, BaseUrlError, UnusableKeyError, base_url_of
from comets.tikhub.models import Balance, Profile, VideoPage
from comets.tikhub.parsing import (
    UnreadableResponseError,
    parse_balance,
    parse_observed_at,
    parse_profile,
    parse_video_page,
)
from comets.tikhub.responses import CHECK_URL, RequestInfo, build_error, connection_failure_error, parse_response
from comets.tikhub.transport import (
    ConnectionFailure,
    RawResponse,
    SilentAdapter,
    classify_connection_error,
    read_response,
)

SEARCH_ROUTE = "/api/v1/tiktok/app/v3/fetch_video_search_result"
PROFILE_ROUTE = "/api/v1/tiktok/app/v3/handler_user_profile"
ACCOUNT_ROUTE = "/api/v1/tikhub/user/get_user_info"

SORT_BY_RELEVANCE = 0

_DEFINE_CONNECTION = (
    "For the local stack set TIKHUB_API_KEY; elsewhere define the Airflow connection `{conn_id}` with type http, the "
    "API key as password and the base URL as host (empty: TikHub's own), for example in AIRFLOW_CONN_TIKHUB."
)

_UNUSABLE_SUCCESS: dict[str, Any] = {"status": 200, "is_billed": True}


class TikHubHook(HttpHook):
    """Calls TikHub through an Airflow connection of type `http`.

    The connection's password is the API key. Its host is the base URL (default https://api.tikhub.io, see
    `base_url_of`). Its `extra` may set the HTTP provider's options `proxies`, `verify`, `cert` and `trust_env`. No
    option becomes a header, raises the timeout or follows redirects.

    Every method makes one call and does not retry it, because each call costs money and is reserved by the caller. A
    kept-alive connection that the server closed is reopened before anything is sent.

    :param tikhub_conn_id: id of the Airflow connection
    """

    conn_name_attr = "tikhub_conn_id"
    default_conn_name = "tikhub"
    conn_type = "http"
    hook_name = "TikHub"

    timeout_seconds: ClassVar[float] = 30.0
    """Time limit to connect, and between two reads of a response."""

    body_deadline_seconds: ClassVar[float] = 30.0
    """Time limit for the body after the headers."""

    max_body_bytes: ClassVar[int] = 50_000_000
    """A page of 20 videos has about 1,400,000 bytes."""

    _key: ApiKey

    def __init__(self, *, tikhub_conn_id: str = default_conn_name) -> None:
        super().__init__(method="GET", http_conn_id=tikhub_conn_id, adapter=SilentAdapter())
        self.tikhub_conn_id = tikhub_conn_id
        self.default_headers = {"Accept": "application/json", "User-Agent": "comet-discovery"}
        self._session: Session | None = None

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Return the fields, labels and placeholders of the connection form."""
        return {
            "hidden_fields": ["schema", "login"],
            "relabeling": {"host": "Base URL", "password": "API key"},
            "placeholders": {"host": "https://api.tikhub.io", "password": "your TikHub API key"},
        }

    def search_videos(self, *, keyword: str, offset: int, count: int, publish_time: int, region: str) -> VideoPage:
        """Fetch one page of videos that match a keyword, most relevant first.

        :param keyword: a hashtag without `#`; TikHub also matches captions, so a video may lack the hashtag
        :param offset: 0, or the `next_offset` of the previous page
        :param count: requested number of videos; the page may have more or fewer
        :param publish_time: maximum age in days: 0 (any), 1, 7, 30, 90 or 180
        :param region: country of the results, as ISO alpha-2
        :raises TikHubError: one of its subclasses, for every failure
        """
        request = self._request_info(
            SEARCH_ROUTE,
            f"search for {keyword!r} at offset {offset}",
            subject=keyword,
            params={
                "keyword": keyword,
                "offset": offset,
                "count": count,
                "sort_type": SORT_BY_RELEVANCE,
                "publish_time": publish_time,
                "region": region,
            },
        )
        data, observed_at = self._fetch_data(request)
        try:
            return parse_video_page(data, offset=offset, observed_at=observed_at)
        except UnreadableResponseError as error:
            meaning = f"sent an unusable page ({error})"
            raise build_error(request, TikHubTransientError, meaning, **_UNUSABLE_SUCCESS) from None

    def fetch_profile(
        self, *, user_id: str | None = None, sec_uid: str | None = None, handle: str | None = None
    ) -> Profile:
        """Fetch the profile of one account by the first identifier given of `sec_uid`, `user_id`, `handle`.

        Only that identifier is sent. A given `user_id` is compared with the response, because a released handle can
        belong to another account.

        :raises TikHubAmbiguousError: also when the response has no account, or another one than `user_id`
        :raises TikHubError: another of its subclasses, for every other failure
        """
        params = {"sec_user_id": sec_uid} if sec_uid else {"user_id": user_id} if user_id else {"unique_id": handle}
        [(name, identifier)] = params.items()
        if not identifier:
            raise ValueError("fetch_profile needs a user_id, a sec_uid or a handle")
        request = self._request_info(
            PROFILE_ROUTE,
            # Logs must not hold handles: an erasure can't reach them.
            f"profile of {name} {identifier!r}" if name != "unique_id" else "profile of a handle",
            subject=user_id or identifier,
            params={name: identifier},
            is_profile=True,
        )
        data, observed_at = self._fetch_data(request)
        try:
            profile = parse_profile(data, observed_at=observed_at)
        except UnreadableResponseError as error:
            meaning = f"sent an unusable profile ({error})"
            raise build_error(request, TikHubAmbiguousError, meaning, **_UNUSABLE_SUCCESS) from None
        if user_id and user_id != profile.user_id:
            meaning = f"sent the profile of an account other than {user_id!r}"
            raise build_error(request, TikHubAmbiguousError, meaning, **_UNUSABLE_SUCCESS)
        return profile

    def fetch_balance(self) -> Balance:
        """Fetch the balance of the TikHub account. The call is free.

        :raises TikHubError: one of its subclasses, for every failure
        """
        return parse_balance(self._call(self._request_info(ACCOUNT_ROUTE, "balance of the account")))

    def test_connection(self) -> tuple[bool, str]:
        """Return whether TikHub accepts the connection, and a message without personal data. The call is free."""
        try:
            balance = self.fetch_balance()
        except TikHubError as error:
            return False, str(error)
        amounts = (
            "unknown" if amount is None else f"${amount:,.2f}"
            for amount in (balance.balance_usd, balance.free_credit_usd)
        )
        return True, "Connected to TikHub: balance {}, free credit {}".format(*amounts)

    def warm_up(self) -> None:
        """Open the session before the slot of a call, because that is slow; errors are raised by the call."""
        with suppress(TikHubError):
            self.get_conn()

    def get_conn(self, headers: dict[Any, Any] | None = None, extra_options: dict[str, Any] | None = None) -> Session:
        """Return the session of this hook, which keeps its connection alive; the first call opens it.

        The arguments are those of the HTTP provider's hook and are ignored.

        :raises TikHubAuthError: the Airflow connection or its password is missing or unusable
        :raises TikHubRequestError: the connection's host is not a web address
        """
        if self._session is None:
            self._session = self._open_session()
        return self._session

    def run_and_check(
        self, session: Session, prepped_request: PreparedRequest, extra_options: dict[Any, Any]
    ) -> Response:
        """Send one request with the timeout, without redirects, and without reading the body.

        Replaces the provider's method, which logs the body of a failing response: TikHub's contains the API key.
        """
        settings = session.merge_environment_settings(
            prepped_request.url, proxies=session.proxies, stream=True, verify=session.verify, cert=session.cert
        )
        return session.send(prepped_request, timeout=self.timeout_seconds, allow_redirects=False, **settings)

    def _open_session(self) -> Session:
        request = RequestInfo(route=None, description="no call was made", conn_id=self.tikhub_conn_id)
        error_class: type[TikHubError] = TikHubAuthError
        remedy = _DEFINE_CONNECTION
        try:
            return super().get_conn()
        except AirflowNotFoundException:
            reason = "is not defined or can't be read"
        except UnusableKeyError as error:
            reason = f"can't be used ({error})"
        except BaseUrlError as error:
            error_class, reason, remedy = TikHubRequestError, f"has an invalid host ({error})", CHECK_URL
        meaning = f"can't be called because the Airflow connection `{self.tikhub_conn_id}` {reason}"
        raise build_error(request, error_class, meaning, remedy, is_billed=False)

    def _set_base_url(self, connection: Any) -> None:
        self.base_url = base_url_of(connection)
        self._base_url_initialized = True

    def _extract_auth(self, connection: Any) -> ApiKey:
        self._key = ApiKey(connection.password)
        return self._key

    def _configure_session_from_extra(
        self, session: Session, connection: Any, extra_options: dict[str, Any]
    ) -> Session:
        # The provider turns every unknown option into a header.
        own_headers = dict(session.headers)
        session = super()._configure_session_from_extra(session, connection, extra_options)
        session.headers.clear()
        session.headers.update(own_headers)
        return session

    def _request_info(self, route: str, description: str, **fields: Any) -> RequestInfo:
        return RequestInfo(route=route, description=description, conn_id=self.tikhub_conn_id, **fields)

    def _fetch_data(self, request: RequestInfo) -> tuple[dict[str, Any], datetime]:
        """Return the `data` of a response and the time of its observation."""
        envelope = self._call(request)
        data = envelope.get("data")
        if not isinstance(data, dict):
            raise build_error(request, TikHubTransientError, "sent a response without data", **_UNUSABLE_SUCCESS)
        return data, parse_observed_at(envelope)

    def _call(self, request: RequestInfo) -> dict[str, Any]:
        """Make one call and log one line about it, without the content of request or response.

        :raises TikHubError: one of its subclasses, for every failure
        """
        self.get_conn()
        started = time.monotonic()
        outcome = "failed"
        try:
            envelope = self._send(request)
            outcome = "succeeded"
        except TikHubError as error:
            status = "no response" if error.status is None else f"HTTP {error.status}"
            outcome = f"{type(error).__name__} ({status})"
            raise
        finally:
            elapsed_ms = (time.monotonic() - started) * 1000
            self.log.info("TikHub %s: %s in %.0f ms (%s)", request.description, outcome, elapsed_ms, request.route)
        return envelope

    def _send(self, request: RequestInfo) -> dict[str, Any]:
        result: RawResponse | ConnectionFailure
        try:
            with suppress_http_logging():
                response = self.run(request.route, data=dict(request.params))
                result = read_response(
                    response, deadline_seconds=self.body_deadline_seconds, max_bytes=self.max_body_bytes
                )
        except Exception as error:
            result = classify_connection_error(error, timeout_seconds=self.timeout_seconds)
        # Raise outside `except`, so that the original error, which may contain the key, is not chained.
        if isinstance(result, ConnectionFailure):
            raise connection_failure_error(request, result)
        return parse_response(request, result, self._key)
