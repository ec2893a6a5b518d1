"""An account whose profile is wanted, and what came of wanting it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from comets.tikhub.models import Profile
from comets.values import SEC_UID_START


@dataclass(frozen=True)
class Account:
    """An account by all that is known of its identity; `user_id` is a sec_uid where no numeric id is known yet."""

    user_id: str
    sec_uid: str | None
    handle: str | None

    @property
    def identifiers(self) -> list[tuple[str, str]]:
        """What it can be asked for by, in that order: sec_uid, uid, handle."""
        is_legacy = self.user_id.startswith(SEC_UID_START)
        known = [
            ("sec_uid", self.user_id if is_legacy else self.sec_uid),
            ("user_id", None if is_legacy else self.user_id),
            ("handle", self.handle),
        ]
        return [(name, identifier) for name, identifier in known if identifier]

    def matches(self, profile: Profile) -> bool:
        """Whether a profile is this account's; a handle that its owner gave up can belong to somebody else."""
        return self.user_id in (profile.user_id, profile.sec_uid)


class Reading(StrEnum):
    """What came of wanting an account's profile."""

    READ = "read"
    ANSWERED = "answered already"
    """By this run, or for a past date by any run since that date."""
    IN_FLIGHT = "being asked for by another task"
    NO_ACCOUNT = "no account"
    REFUSED = "refused"
    """Given up for today: TikHub answered as often as the settings grant that it can't show the account."""
    FAILED = "failed"
    """Given up for today: TikHub could not answer as often as the settings grant."""
    WRONG = "request refused"
    """TikHub says that the request itself is wrong: not repeated, and the task fails once the others are read."""
    ERASED = "erased and refused"
    NOT_ASKED = "not asked"
    """TikHub could not answer for the accounts before."""
