"""Rules that make chosen calls go wrong, as a control route takes them, and which of them a call meets."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from include.sandbox.text import search_key

OddItem = Literal[
    "normal",
    "null_item",
    "missing_video_id",
    "missing_author_ids",
    "null_author",
    "null_statistics",
    "numeric_strings",
    "nul_nickname",
    "lone_surrogate_nickname",
    "large_counts",
    "negative_counts",
    "text_counts",
    "missing_follower_count",
    "zero_follower_count",
]


class Rule(BaseModel):
    """Which calls go wrong. Conditions that are left out fit every call."""

    model_config = ConfigDict(extra="forbid")

    route: str | None = Field(default=None, description="Last part of the path, or the whole path.")
    keyword: str | None = Field(default=None, description="Of a search; compared as hashtags are.")
    offset: int | None = Field(default=None, description="Of a search.")
    count_over: int | None = Field(default=None, description="Only when more items than this are asked for.")
    account: str | None = Field(default=None, description="Any identifier that a profile is asked by.")
    times: int | None = Field(default=None, ge=1, description="How many calls go wrong; null is all of them.")

    def fits(self, path: str, params: dict[str, str]) -> bool:
        """Whether a call meets this rule's conditions."""
        wanted = [
            self.route is None or path == self.route or path.endswith("/" + self.route),
            self.keyword is None or search_key(self.keyword) == search_key(params.get("keyword", "")),
            self.offset is None or _number(params, "offset", 0) == self.offset,
            self.count_over is None or self.count_over < _number(params, "count", 20),
            self.account is None or self.account in _identifiers(params),
        ]
        return all(wanted)


def _number(params: dict[str, str], name: str, default: int) -> int:
    """Return a parameter as the route will read it; one that it will refuse counts as not given."""
    try:
        return int(params.get(name, default))
    except ValueError:
        return default


def _identifiers(params: dict[str, str]) -> list[str]:
    names = ("sec_user_id", "user_id", "unique_id", "uniqueId", "secUid")
    return [params[name] for name in names if name in params]


class StatusFault(Rule):
    """Any HTTP status with TikHub's body for it."""

    fault: Literal["status"]
    status: int = Field(default=500, ge=400, le=599)
    retry_after: int | float | str | None = None
    message: str | None = None


class HtmlFault(Rule):
    """A page of the CDN instead of JSON; it quotes the Authorization header."""

    fault: Literal["html"]
    status: int = Field(default=502, ge=200, le=599)


class RedirectFault(Rule):
    """A redirect, by default to another host."""

    fault: Literal["redirect"]
    status: Literal[301, 302, 303, 307, 308] = 302
    location: str = "http://elsewhere.sandbox.example/login"


class TimeoutFault(Rule):
    """The answer comes only after `delay` seconds; clearing the faults lets waiting calls go on at once."""

    fault: Literal["timeout"]
    delay: float = Field(default=60.0, gt=0)


class CutBodyFault(Rule):
    """Status 200 and headers, then the connection closes in the middle of the body."""

    fault: Literal["cut_body"]


class LongBodyFault(Rule):
    """An answer that is longer than it should be, by so many characters."""

    fault: Literal["long_body"]
    extra: int = Field(default=100_000, ge=1)


class InvalidJsonFault(Rule):
    """A complete body that is not valid JSON."""

    fault: Literal["invalid_json"]


class InnerStatusFault(Rule):
    """HTTP 200 whose data carries a failing status."""

    fault: Literal["inner_status"]
    status: int = 10221


class RepeatedPageFault(Rule):
    """The rows of the first page again, whatever the offset."""

    fault: Literal["repeated_page"]


class StuckCursorFault(Rule):
    """A cursor that stays at the offset asked for, with has_more 1."""

    fault: Literal["stuck_cursor"]


class HasMoreFault(Rule):
    """Another form of `has_more`: the given value, or absent."""

    fault: Literal["has_more"]
    value: bool | int | str | None = None
    is_absent: bool = False


class EmptyPageFault(Rule):
    """No rows although has_more is 1."""

    fault: Literal["empty_page"]


class OddItemsFault(Rule):
    """Odd rows: the first one gets the first kind, and so on; rows beyond the list stay as they are."""

    fault: Literal["odd_items"]
    kinds: list[OddItem] = Field(default_factory=lambda: list(ALL_ODD_KINDS))


class ItemsFault(Rule):
    """These rows instead of the real ones, exactly as given."""

    fault: Literal["items"]
    items: list[Any]


ALL_ODD_KINDS: tuple[OddItem, ...] = (
    "missing_video_id",
    "missing_author_ids",
    "null_author",
    "null_statistics",
    "numeric_strings",
    "nul_nickname",
    "lone_surrogate_nickname",
    "large_counts",
    "negative_counts",
    "text_counts",
    "null_item",
)

FaultRule = Annotated[
    StatusFault
    | HtmlFault
    | RedirectFault
    | TimeoutFault
    | CutBodyFault
    | LongBodyFault
    | InvalidJsonFault
    | InnerStatusFault
    | RepeatedPageFault
    | StuckCursorFault
    | HasMoreFault
    | EmptyPageFault
    | OddItemsFault
    | ItemsFault,
    Field(discriminator="fault"),
]


class FaultBook:
    """The rules in force. Of several that fit a call, the first one counts."""

    def __init__(self) -> None:
        self._rules: list[FaultRule] = []

    def set(self, rules: list[FaultRule]) -> None:
        """Replace all rules."""
        self._rules = list(rules)

    def all(self) -> list[FaultRule]:
        """Return the rules in force, `times` counted down to what is left."""
        return list(self._rules)

    def take(self, path: str, params: dict[str, str]) -> FaultRule | None:
        """Return the rule that this call meets and use it up by one."""
        for rule in self._rules:
            if rule.fits(path, params):
                self._use(rule)
                return rule
        return None

    def _use(self, rule: FaultRule) -> None:
        if rule.times is None:
            return
        rule.times -= 1
        if rule.times == 0:
            self._rules.remove(rule)
