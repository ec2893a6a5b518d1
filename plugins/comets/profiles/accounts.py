"""An account to fetch, and the outcomes of fetching its profile."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from comets.tikhub.models import Profile
from comets.values import SEC_UID_START


@dataclass(frozen=True)
class Account:
    """The known identifiers of an account; `user_id` is a sec_uid while the numeric id is unknown."""

    user_id: str
    sec_uid: str | None
    handle: str | None

    @property
    def identifiers(self) -> list[tuple[str, str]]:
        """Names and values of the known identifiers, in the order of preference: sec_uid, uid, handle."""
        is_legacy = self.user_id.startswith(SEC_UID_START)
        known = [
            ("sec_uid", self.user_id if is_legacy else self.sec_uid),
            ("user_id", None if is_legacy else self.user_id),
            ("handle", self.handle),
        ]
        return [(name, identifier) for name, identifier in known if identifier]

    def matches(self, profile: Profile) -> bool:
        """Return whether a profile belongs to this account; a released handle can belong to another one."""
        return self.user_id in (profile.user_id, profile.sec_uid)


class ProfileOutcome(StrEnum):
    """The outcome of fetching a profile; the value is its label in logs."""

    FETCHED = "fetched"
    ALREADY_FETCHED = "already fetched"
    """By this run; for a past date also by any run since that date."""
    IN_FLIGHT = "in flight in another task"
    NO_ACCOUNT = "no such account"
    REFUSED = "refused by TikHub"
    """Given up for the day: TikHub refused the request at every attempt."""
    FAILED = "failed"
    """Given up for the day: TikHub or the network failed at every attempt."""
    INVALID = "invalid request"
    """TikHub rejects the request itself. Not retried; the task fails after the other accounts."""
    ERASED = "erased creator"
    SKIPPED = "skipped during an outage"
