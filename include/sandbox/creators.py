"""Made-up creators, and their counts as functions of time.

A creator is a pure function of (seed, number). Its identifiers encode the number, so that profiles work after a
restart without a search.
"""

import base64
import hashlib
import math
import re
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Literal

from include.sandbox.dice import Dice, digest
from include.sandbox.words import ADJECTIVES, NICKNAME_PARTS, NOUNS, ORNAMENTS, REGIONS, SIGNATURES

DEFAULT_SEED = 7
SECONDS_PER_DAY = 86_400
EPOCH = 1_735_689_600  # 2025-01-01T00:00:00Z, from which the days of all curves are counted

_SEC_UID_PREFIX = "MS4wLjABAAAA"
_NUMBER_MASK = (1 << 20) - 1
_UID_CHECK_BITS = 12
_HANDLE = re.compile(rf"({'|'.join(ADJECTIVES)})[._]?({'|'.join(NOUNS)})(\d{{1,3}})")

Identifier = Literal["uid", "sec_uid", "handle"]


@dataclass(frozen=True, slots=True)
class FollowerCurve:
    """Followers oscillate between `low` and `low * ratio`, rising for `rise_share` of each period.

    A long rise makes a growing creator, a long fall a shrinking one, a very short rise a viral one, and a ratio of 1 a
    constant one.
    """

    low: float
    ratio: float = 1.0
    period_days: float = 1.0
    rise_share: float = 0.5
    phase: float = 0.0
    weekly_swing: float = 0.0

    def at(self, timestamp: float) -> int:
        """Return the follower count at a unix time."""
        if self.ratio == 1:
            return round(self.low)
        days = (timestamp - EPOCH) / SECONDS_PER_DAY
        position = (days / self.period_days + self.phase) % 1
        height = min(position / self.rise_share, (1 - position) / (1 - self.rise_share))
        weekly = self.weekly_swing * math.sin(math.tau * days / 7)
        return round(self.low * math.exp(math.log(self.ratio) * height + weekly))


# Bounds of the ratio, bounds of the period in days, and the rising share.
_RISING = ((1.6, 2.6), (120, 220), 0.86)
_FAST = ((2.4, 3.2), (60, 90), 0.82)
_FALLING = ((1.3, 1.7), (120, 220), 0.12)
_VIRAL = ((1.25, 1.6), (16, 26), 0.1)
_TRENDS = (_RISING, _FAST, _FALLING, _VIRAL, None)
_TREND_WEIGHTS = (54, 18, 10, 10, 8)


def follower_curve(dice: Dice, low: float, high: float) -> FollowerCurve:
    """Return a curve that stays between two follower counts at all times."""
    trend = dice.choices(_TRENDS, _TREND_WEIGHTS)[0]
    ratio, period_days, rise_share = 1.0, 1.0, 0.5
    if trend is not None:
        ratios, periods, rise_share = trend
        ratio, period_days = dice.uniform(*ratios), dice.uniform(*periods)
    ratio = max(1.0, min(ratio, 0.95 * high / low))
    # Below half the slope of the rise, so that a rise never turns into a fall.
    slope = math.log(ratio) / (period_days * max(rise_share, 1 - rise_share))
    weekly_swing = min(0.4 * slope * 7 / math.tau, 0.02)
    bottom = low * 1.025
    start = dice.log_between(bottom, max(bottom, 0.97 * high / ratio))
    return FollowerCurve(start, ratio, period_days, rise_share, dice.random(), weekly_swing)


@dataclass(frozen=True, slots=True)
class SteadyCount:
    """A total that grows by the same amount every day (hearts, posted videos)."""

    at_epoch: float
    per_day: float

    def at(self, timestamp: float) -> int:
        """Return the total at a unix time, never below 0."""
        days = (timestamp - EPOCH) / SECONDS_PER_DAY
        return max(0, math.floor(self.at_epoch + self.per_day * days))


class Role(IntEnum):
    """Role of a generated creator in searches; the low three bits of its number."""

    COMET = 0  # always between 10,000 and 100,000 followers, with videos above 50,000 plays
    HIDDEN = 1  # a Comet whose follower count is missing or 0 in a search
    QUIET = 2  # enough followers, too few plays
    SMALL = 3  # too few followers, some with many plays
    BIG = 4  # too many followers
    LOWER_EDGE = 5  # crosses 10,000 followers now and then
    UPPER_EDGE = 6  # crosses 100,000 followers now and then


BOUNDS: dict[Role, tuple[tuple[int, int], tuple[int, int]]] = {
    Role.COMET: ((10_400, 97_000), (80_000, 2_500_000)),
    Role.HIDDEN: ((11_000, 90_000), (80_000, 900_000)),
    Role.QUIET: ((10_400, 97_000), (300, 46_000)),
    Role.SMALL: ((120, 9_300), (80, 160_000)),
    Role.BIG: ((112_000, 4_000_000), (9_000, 30_000_000)),
    Role.LOWER_EDGE: ((8_200, 13_500), (60_000, 400_000)),
    Role.UPPER_EDGE: ((84_000, 125_000), (60_000, 1_500_000)),
}


@dataclass(frozen=True, slots=True)
class Creator:
    """One account: identifiers, and counts as functions of time."""

    uid: str
    sec_uid: str
    handle: str
    nickname: str
    signature: str
    avatar_url: str
    region: str
    followers: FollowerCurve
    hearts: SteadyCount
    videos: SteadyCount
    search_count: Literal["shown", "missing", "zero"] = "shown"


def number_for(role: Role, *parts: object) -> int:
    """Return the number of a creator with this role, chosen by `parts`."""
    return (digest(*parts) << 3 & _NUMBER_MASK) | role


class CreatorBook:
    """All generated creators of one seed."""

    def __init__(self, seed: int = DEFAULT_SEED) -> None:
        self._seed = seed
        self._mask = digest(seed, "creator numbers") & _NUMBER_MASK
        self.by_number = lru_cache(maxsize=4096)(self._make)

    def find(self, attribute: Identifier, value: str) -> Creator | None:
        """Return the creator whose uid, sec_uid or handle is `value`, or None."""
        try:
            number = self._decode(attribute, value)
            creator = self.by_number(number & _NUMBER_MASK)
        except ValueError:
            return None
        return creator if getattr(creator, attribute) == value else None

    def _decode(self, attribute: Identifier, value: str) -> int:
        """Return the number that an identifier encodes.

        Raises:
            ValueError: the identifier does not have the format of a generated one.
        """
        if attribute == "uid":
            return int(value) >> _UID_CHECK_BITS ^ self._mask
        if attribute == "sec_uid":
            start = len(_SEC_UID_PREFIX)
            return int.from_bytes(base64.urlsafe_b64decode(value[start : start + 4]), "big") ^ self._mask
        parts = _HANDLE.fullmatch(value)
        if parts is None:
            raise ValueError(value)
        adjective, noun, suffix = parts.groups()
        return ADJECTIVES.index(adjective) << 14 | NOUNS.index(noun) << 8 | int(suffix)

    def _make(self, number: int) -> Creator:
        dice = Dice(self._seed, "creator", number)
        role = Role(number & 7)
        created_at = dice.randrange(1_480_000_000, 1_690_000_000)
        followers = follower_curve(dice, *BOUNDS[role][0])
        hearts_per_day = followers.low * dice.uniform(0.01, 0.06)
        posts_per_day = dice.log_between(0.03, 1.5)
        return Creator(
            uid=self._uid(number, created_at),
            sec_uid=self._sec_uid(number),
            handle=_handle(number, dice),
            nickname=_nickname(dice),
            signature=dice.choice(SIGNATURES),
            avatar_url=f"https://avatars.sandbox.example/{digest(self._seed, 'avatar', number):016x}.jpeg",
            region=dice.choice(REGIONS),
            followers=followers,
            hearts=SteadyCount(hearts_per_day * dice.uniform(400, 900), hearts_per_day),
            videos=SteadyCount(posts_per_day * dice.uniform(400, 900) + 3, posts_per_day),
            search_count=dice.choice(("missing", "zero")) if role is Role.HIDDEN else "shown",
        )

    def _uid(self, number: int, created_at: int) -> str:
        """Return an id in TikTok's format: the upper 32 bits are the creation time."""
        check = digest(self._seed, "uid", number) & ((1 << _UID_CHECK_BITS) - 1)
        return str(created_at << 32 | (number ^ self._mask) << _UID_CHECK_BITS | check)

    def _sec_uid(self, number: int) -> str:
        check = hashlib.blake2b(f"{self._seed} sec_uid {number}".encode(), digest_size=45).digest()
        coded = (number ^ self._mask).to_bytes(3, "big") + check
        return _SEC_UID_PREFIX + base64.urlsafe_b64encode(coded).decode()


def _handle(number: int, dice: Dice) -> str:
    separator = dice.choice(("", "", ".", "_"))
    return f"{ADJECTIVES[number >> 14]}{separator}{NOUNS[number >> 8 & 63]}{number & 255}"


def _nickname(dice: Dice) -> str:
    joint, firsts, seconds = dice.choice(NICKNAME_PARTS)
    name = f"{dice.choice(firsts)}{joint}{dice.choice(seconds)}"
    return f"{name} {dice.choice(ORNAMENTS)}" if dice.chance(0.4) else name
