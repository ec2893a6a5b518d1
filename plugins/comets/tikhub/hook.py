"""The hook that asks TikHub: one method per request, typed answers, typed errors."""

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
    UnreadableAnswerError,
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
    "Set TIKHUB_API_KEY for the local stack; anywhere else define the Airflow connection `{conn_id}` with type http, "
    "the API key as password and the base URL as host (empty: TikHub's own), for example in AIRFLOW_CONN_TIKHUB."
)

# What is known of an answer that came whole and cannot be used.
_BILLED: dict[str, Any] = {"status": 200, "is_billed": True}


class TikHubHook(HttpHook):
    """Asks TikHub through an Airflow connection of type `http`.

    The connection's password is the API key, its host the base URL (default https://api.tikhub.io; `base_url_of` tells
    its forms). Of its `extra`, the HTTP provider's options `proxies`, `verify`, `cert` and `trust_env` hold; nothing of
    it becomes a header, and no option loosens the timeout or makes redirects followed.

    Every method makes one call and never repeats it: a repetition costs money and must be reserved by the caller. Only
    a kept-alive connection that the server has closed meanwhile is opened anew, before anything is sent.

    :param tikhub_conn_id: the Airflow connection
    """

    conn_name_attr = "tikhub_conn_id"
    default_conn_name = "tikhub"
    conn_type = "http"
    hook_name = "TikHub"

    timeout_seconds: ClassVar[float] = 30.0
    """Longest wait to connect, and longest silence of the server."""

    body_deadline_seconds: ClassVar[float] = 30.0
    """Longest time for a body to arrive once its headers are there."""

    max_body_bytes: ClassVar[int] = 50_000_000
    """A page of 20 videos has about 1.4 million bytes."""

    _key: ApiKey

    def __init__(self, *, tikhub_conn_id: str = default_conn_name) -> None:
        super().__init__(method="GET", http_conn_id=tikhub_conn_id, adapter=SilentAdapter())
        self.tikhub_conn_id = tikhub_conn_id
        self.default_headers = {"Accept": "application/json", "User-Agent": "comet-discovery"}
        self._session: Session | None = None

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """What a form for this connection should show."""
        return {
            "hidden_fields": ["schema", "login"],
            "relabeling": {"host": "Base URL", "password": "API key"},
            "placeholders": {"host": "https://api.tikhub.io", "password": "the API key of your TikHub account"},
        }

    def search_videos(self, *, keyword: str, offset: int, count: int, publish_time: int, region: str) -> VideoPage:
        """Ask for one page of the videos that TikHub finds for a keyword, most relevant first.

        :param keyword: a hashtag without `#`; TikHub matches captions too, so a video found need not carry the tag
        :param offset: 0, or the `next_offset` of the page before
        :param count: videos asked for; the page may hold more or fewer
        :param publish_time: greatest age in days: 0 (any), 1, 7, 30, 90 or 180
        :param region: country whose results are wanted, as ISO alpha-2
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
        data, observed_at = self._call_for_data(request)
        try:
            return parse_video_page(data, offset=offset, observed_at=observed_at)
        except UnreadableAnswerError as flaw:
            raise build_error(request, TikHubTransientError, f"sent no page, as {flaw}", **_BILLED) from None

    def fetch_profile(
        self, *, user_id: str | None = None, sec_uid: str | None = None, handle: str | None = None
    ) -> Profile:
        """Ask for one account, by the surest of the identifiers that are given: `sec_uid`, `user_id`, `handle`.

        The others are not sent. A given `user_id` is also compared with the answer's, because a handle that its owner
        gave up can belong to another account.

        :raises TikHubAmbiguousError: also when the answer shows no account, or another one than `user_id`
        :raises TikHubError: another of its subclasses, for every other failure
        """
        params = {"sec_user_id": sec_uid} if sec_uid else {"user_id": user_id} if user_id else {"unique_id": handle}
        [(name, identifier)] = params.items()
        if not identifier:
            raise ValueError("fetch_profile needs a user_id, a sec_uid or a handle")
        request = self._request_info(
            PROFILE_ROUTE,
            f"profile of {name} {identifier!r}",
            subject=user_id or identifier,
            params={name: identifier},
            is_about_account=True,
        )
        data, observed_at = self._call_for_data(request)
        try:
            profile = parse_profile(data, observed_at=observed_at)
        except UnreadableAnswerError as flaw:
            raise build_error(request, TikHubAmbiguousError, f"sent no profile, as {flaw}", **_BILLED) from None
        if user_id and user_id != profile.user_id:
            meaning = f"sent the profile of another account than {user_id!r}"
            raise build_error(request, TikHubAmbiguousError, meaning, **_BILLED)
        return profile

    def fetch_balance(self) -> Balance:
        """Ask for what is left on the account; a free call.

        :raises TikHubError: one of its subclasses, for every failure
        """
        return parse_balance(self._call(self._request_info(ACCOUNT_ROUTE, "balance of the account")))

    def test_connection(self) -> tuple[bool, str]:
        """Say whether TikHub accepts the connection, by a free call, without personal data."""
        try:
            balance = self.fetch_balance()
        except TikHubError as error:
            return False, str(error)
        amounts = (
            "unknown" if amount is None else f"${amount:,.2f}"
            for amount in (balance.balance_usd, balance.free_credit_usd)
        )
        return True, "TikHub answers: balance {}, free credit {}".format(*amounts)

    def warm_up(self) -> None:
        """Open the session before the moment of a call has come, as that takes a while; a flaw shows at the call."""
        with suppress(TikHubError):
            self.get_conn()

    def get_conn(self, headers: dict[Any, Any] | None = None, extra_options: dict[str, Any] | None = None) -> Session:
        """Return the one session of this hook, which keeps its connection alive; the first call opens it.

        The arguments are those of the HTTP provider's hook and change nothing here.

        :raises TikHubAuthError: when the Airflow connection or its password is missing or unusable
        :raises TikHubRequestError: when the connection's host is no web address
        """
        if self._session is None:
            self._session = self._open_session()
        return self._session

    def run_and_check(
        self, session: Session, prepped_request: PreparedRequest, extra_options: dict[Any, Any]
    ) -> Response:
        """Send one request: always with the timeout, never redirected, the body left to be read.

        Takes the place of the provider's, which logs the whole body of a failing reply: TikHub's holds the API key.
        """
        settings = session.merge_environment_settings(
            prepped_request.url, proxies=session.proxies, stream=True, verify=session.verify, cert=session.cert
        )
        return session.send(prepped_request, timeout=self.timeout_seconds, allow_redirects=False, **settings)

    def _open_session(self) -> Session:
        request = RequestInfo(route=None, what="no call was made", conn_id=self.tikhub_conn_id)
        error: type[TikHubError] = TikHubAuthError
        remedy = _DEFINE_CONNECTION
        try:
            return super().get_conn()
        except AirflowNotFoundException:
            flaw = "is not defined, or what defines it cannot be read"
        except UnusableKeyError as unusable:
            flaw = f"cannot be used: {unusable}"
        except BaseUrlError as wrong:
            error, flaw, remedy = TikHubRequestError, f"has a wrong host: {wrong}", CHECK_URL
        meaning = f"cannot be asked, as the Airflow connection `{self.tikhub_conn_id}` {flaw}"
        raise build_error(request, error, meaning, remedy, is_billed=False)

    def _set_base_url(self, connection: Any) -> None:
        self.base_url = base_url_of(connection)
        self._base_url_initialized = True

    def _extract_auth(self, connection: Any) -> ApiKey:
        self._key = ApiKey(connection.password)
        return self._key

    def _configure_session_from_extra(
        self, session: Session, connection: Any, extra_options: dict[str, Any]
    ) -> Session:
        # The provider turns every option that it does not know into a header.
        own_headers = dict(session.headers)
        session = super()._configure_session_from_extra(session, connection, extra_options)
        session.headers.clear()
        session.headers.update(own_headers)
        return session

    def _request_info(self, route: str, what: str, **facts: Any) -> RequestInfo:
        return RequestInfo(route=route, what=what, conn_id=self.tikhub_conn_id, **facts)

    def _call_for_data(self, request: RequestInfo) -> tuple[dict[str, Any], datetime]:
        """Return the answer's `data`, which all routes but that of the account have, and when it was observed."""
        envelope = self._call(request)
        data = envelope.get("data")
        if not isinstance(data, dict):
            raise build_error(request, TikHubTransientError, "sent an answer without data", **_BILLED)
        return data, parse_observed_at(envelope)

    def _call(self, request: RequestInfo) -> dict[str, Any]:
        """Make one call and log one line about it, without anything that was sent or received.

        :raises TikHubError: one of its subclasses, for every failure
        """
        self.get_conn()
        started = time.monotonic()
        outcome = "failed"
        try:
            envelope = self._exchange(request)
            outcome = "answered"
        except TikHubError as error:
            status = "no reply" if error.status is None else f"HTTP {error.status}"
            outcome = f"{type(error).__name__} ({status})"
            raise
        finally:
            elapsed_ms = (time.monotonic() - started) * 1000
            self.log.info("TikHub %s: %s in %.0f ms (%s)", request.what, outcome, elapsed_ms, request.route)
        return envelope

    def _exchange(self, request: RequestInfo) -> dict[str, Any]:
        reply: RawResponse | ConnectionFailure
        try:
            with suppress_http_logging():
                response = self.run(request.route, data=dict(request.params))
                reply = read_response(
                    response, deadline_seconds=self.body_deadline_seconds, max_bytes=self.max_body_bytes
                )
        # Whatever it is that sending raises, its text may hold the key.
        except Exception as error:
            reply = classify_connection_error(error, timeout_seconds=self.timeout_seconds)
        # Outside the except clause, so that the new error does not keep the old one as its context.
        if isinstance(reply, ConnectionFailure):
            raise connection_failure_error(request, reply)
        return parse_response(request, reply, self._key)
