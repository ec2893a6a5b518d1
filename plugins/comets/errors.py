"""The errors of the package, one class per way of handling.

The first paragraph of a class says what it means and its `remedy` what to do; the tables of errors in the docs and on
the Dags' pages are generated from both. No text, argument or attribute of these errors contains an API key, a password,
a header, a body or a `cache_url`, because Airflow writes exceptions to task logs.
"""

from __future__ import annotations

from typing import Any, ClassVar


class CometsError(Exception):
    """Base class of the errors of this package."""

    remedy: ClassVar[str] = ""


class ParamsError(CometsError):
    """A param of the run is invalid, or its date is in the future. No call was made."""

    remedy = "Correct the param and trigger again."


class UnknownCreatorError(ParamsError):
    """The given handle is in no table. Nothing was erased. A handle can't be blocked, because its owner may change."""

    remedy = "Trigger again with the uid or the sec_uid."


class AmbiguousCreatorError(ParamsError):
    """The given handle or number matches more than one creator, or another kind of name. Nothing was erased."""

    remedy = "Look up the creator in `creators` and `comet_handles`, and trigger again with its uid."


class UnconfirmedErasureError(ParamsError):
    """The param `confirm_uid` is not the uid of the creator. Nothing was erased; the text has the uid."""

    remedy = "Compare the creator of that uid with the request, and trigger again with this uid in both params."


class ErasureLimitError(ParamsError):
    """As many creators were erased in the last 24 hours as the settings allow. Nothing was erased."""

    remedy = "Wait, or raise `privacy.max_erasures_per_day` in `include/comets.yaml` if the requests are genuine."


class MixedDataError(CometsError):
    """The database holds made-up creators and TikHub is real, or the other way round. No call was made."""

    remedy = "Give each kind a database of its own, then clear `accept_run`."


class DatabaseError(CometsError):
    """The creators' database can't be used until its configuration changes; the text says how.

    :param file_to_run: the SQL file of this package that fixes it, if one does
    """

    remedy = (
        "Run the file that the text names (`setup_database.sql`, `grant_role.sql`), or correct the connection "
        "`comets_db`, best in its JSON form; then clear the task."
    )

    def __init__(self, text: str, file_to_run: str | None = None) -> None:
        super().__init__(text)
        self.file_to_run = file_to_run


class NewerTablesError(DatabaseError):
    """A newer version of this package has upgraded the tables, which are never downgraded."""

    remedy = "Deploy the newer package again, or restore the backup from before its upgrade; then clear the task."


class DatabaseRefusedError(DatabaseError):
    """The server is reachable and refuses the login, the database, or the kind of connection. Not retried."""

    remedy = "Correct login, password, database name or `sslmode` as the text says, then clear the task."


class DatabaseStorageError(DatabaseError):
    """The server has no disk space left, reached a limit, or can't use its disk. Rolled back and not retried."""

    remedy = (
        "Free space on the server's disk, or raise the limit of its plan; then clear the failed tasks. `comet_videos`, "
        "`comet_profiles` and `comet_calls` grow most."
    )


class TransientDatabaseError(DatabaseError):
    """The transaction conflicted with another session. It was rolled back and is retried."""

    remedy = "Nothing, unless the retries fail too."


class DatabaseUnavailableError(TransientDatabaseError):
    """The server can't be reached, takes no connections, or closed the connection. Retried for about four minutes."""

    remedy = "Check that the server runs and is reachable. After `Given up after 7 tries` clear the failed tasks."


class DatabaseTimeoutError(TransientDatabaseError):
    """A statement or a lock took too long. Its transaction was rolled back and is retried."""

    remedy = "If this persists, end the session that holds the lock, or raise the task's `execution_timeout`."


class TaskDeadlineError(CometsError):
    """The task has no time left for another call. Its next attempt continues where it stopped."""

    remedy = "Nothing: Airflow retries at once."


class CallSkippedError(CometsError):
    """The run may make no more calls: its budget `max_api_calls` is spent, or TikHub answered 401, 402 or 403."""

    remedy = (
        "Raise the budget, or fix the key or the balance; then clear the failed instance. It fetches only what is "
        "still missing."
    )


class QualityCheckError(CometsError):
    """A check stopped the run: its date is not published, and what was published before stays.

    The text names the value and the threshold.
    """

    remedy = (
        "Look at the data. Then clear `extract_videos` or `roll_call`, or trigger the date again, to fetch again; or "
        "change `checks` in `include/comets.yaml` and clear the check."
    )


class HashtagsFailedError(CometsError):
    """Some hashtags of a task failed for good; the text names each with its reason. The others are landed."""

    remedy = "Fix the cause, then clear the task. It fetches only what is missing."


class TaskLogsError(CometsError):
    """Old log files of tasks can't be deleted. The others are deleted."""

    remedy = "Let the user that runs the tasks write to Airflow's log folder, then clear `delete_task_logs`."


class NotificationError(CometsError):
    """A notification was not sent. The run is not affected, and the text shows nothing of the connection."""

    remedy = "Correct the URLs in the connection `comets_notices`; clear `report` to send it again."


class TikHubError(CometsError):
    """A TikHub call without a usable answer.

    :param message: what happened, where, and what to do
    :param route: path of the TikHub route; None when the connection is at fault and no call was made
    :param subject: the hashtag or the account of the call
    :param status: HTTP status of the response; None without a response
    :param inner_status: the failing code inside a response of HTTP 200
    :param is_billed: whether TikHub charges the call (HTTP 200); None when unknown
    :param request_id: TikHub's id of the call, for its support

    `failed_attempts` is 1 until the ledger sets the number of failed attempts of this call.
    """

    failed_attempts: int = 1

    def __init__(
        self,
        message: str,
        *,
        route: str | None,
        subject: str | None = None,
        status: int | None = None,
        inner_status: int | None = None,
        is_billed: bool | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.route = route
        self.subject = subject
        self.status = status
        self.inner_status = inner_status
        self.is_billed = is_billed
        self.request_id = request_id

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle without calling the constructor, whose keyword-only arguments BaseException cannot repeat."""
        return _restore, (type(self), self.args, self.__dict__)


class TikHubAuthError(TikHubError):
    """The API key is missing, unusable, refused, or lacks a scope (401, 403). The run makes no more calls."""

    remedy = "Fix the API key of the connection `tikhub`, then clear the failed `extract_videos`."


class TikHubBalanceError(TikHubError):
    """The TikHub account has no balance left for this route (402). The run makes no more calls."""

    remedy = "Top up the account, then clear the failed instances."


class TikHubRateLimitError(TikHubError):
    """TikHub answered 429 for minutes, although all tasks share one rate limit.

    :param retry_after: seconds to wait as requested by the server, uncapped; None when it names none
    """

    remedy = (
        "Lower `requests_per_second` (`include/comets.yaml`, or `COMETS_REQUESTS_PER_SECOND`), then clear the instance."
    )

    def __init__(self, message: str, *, retry_after: float | None = None, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.retry_after = retry_after


class TikHubTransientError(TikHubError):
    """The network, TikHub, or the platform behind it failed (5xx, timeout)."""

    remedy = "Wait, then clear the failed instance."


class TikHubCutBodyError(TikHubTransientError):
    """The body of a response was cut off. The search continues with smaller pages."""


class TikHubAmbiguousError(TikHubError):
    """TikHub refused the request three times (400): bad input, an unknown account, or a failing platform."""

    remedy = "Try again later. If it persists, drop the hashtag."


class TikHubAccountNotFoundError(TikHubError):
    """TikTok has no such account. The creator's history is kept."""

    remedy = "Nothing."


class TikHubRequestError(TikHubError):
    """The request itself is wrong (404, 405, 422, a redirect): base URL, or a changed route. Not retried."""

    remedy = "Check the host of the connection `tikhub`."


class TikHubGivenUpError(TikHubError):
    """A call was skipped because it has used up its attempts since the run was last cleared."""

    remedy = "Fix the cause that the report names, then clear the task."


def _restore(cls: type[TikHubError], args: tuple[Any, ...], attributes: dict[str, Any]) -> TikHubError:
    error = cls.__new__(cls, *args)
    error.__dict__.update(attributes)
    return error
