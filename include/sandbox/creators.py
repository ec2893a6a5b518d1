"""Creators that do not exist. Each is a pure function of (seed, number), and each of its names leads back to its
number, so that a profile can be asked for after a restart without searching first."""

import base64
import hashlib
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Literal

from include.sandbox.curves import FollowerCurve, SteadyCount, follower_curve
from include.sandbox.dice import Dice, digest
from include.sandbox.words import ADJECTIVES, NICKNAME_PARTS, NOUNS, ORNAMENTS, REGIONS, SIGNATURES

SEC_UID_PREFIX = "MS4wLjABAAAA"
NUMBER_BITS = 20
_NUMBER_MASK = (1 << NUMBER_BITS) - 1
_ROLE_BITS = 3
_UID_CHECK_BITS = 12

SearchCount = Literal["shown", "missing", "zero"]


class Role(IntEnum):
    """What part a generated creator plays in a search; the low bits of its number."""

    COMET = 0  # always between 10,000 and 100,000 followers, with videos above 50,000 plays
    HIDDEN = 1  # a Comet whose follower count search does not give: missing or 0
    QUIET = 2  # enough followers, too few plays
    SMALL = 3  # too few followers, some with many plays
    BIG = 4  # too many followers
    LOWER_EDGE = 5  # crosses 10,000 followers now and then
    UPPER_EDGE = 6  # crosses 100,000 followers now and then


_FOLLOWERS: dict[Role, tuple[float, float]] = {
    Role.COMET: (10_400, 97_000),
    Role.HIDDEN: (11_000, 90_000),
    Role.QUIET: (10_400, 97_000),
    Role.SMALL: (120, 9_300),
    Role.BIG: (112_000, 4_000_000),
    Role.LOWER_EDGE: (8_200, 13_500),
    Role.UPPER_EDGE: (84_000, 125_000),
}


@dataclass(frozen=True, slots=True)
class Creator:
    """One account: its names, and its counts as functions of time."""

    uid: str
    sec_uid: str
    handle: str
    nickname: str
    signature: str
    avatar_url: str
    region: str
    created_at: int
    followers: FollowerCurve
    hearts: SteadyCount
    videos: SteadyCount
    search_count: SearchCount = "shown"
    number: int | None = None

    @property
    def role(self) -> Role | None:
        """The part a generated creator plays; None for one of the sample."""
        return None if self.number is None else Role(self.number & 7)


def number_for(role: Role, *parts: object) -> int:
    """Return the number of a creator with this role, chosen by `parts`."""
    return (digest(*parts) << _ROLE_BITS & _NUMBER_MASK) | role


class CreatorBook:
    """All generated creators of one seed, by number, uid, sec_uid and handle."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._mask = digest(seed, "creator numbers") & _NUMBER_MASK
        self.by_number = lru_cache(maxsize=4096)(self._make)

    def by_uid(self, uid: str) -> Creator | None:
        """Return the creator with this uid, if there is one."""
        if not (uid.isascii() and uid.isdigit()) or len(uid) > 19:
            return None
        return self._confirmed((int(uid) >> _UID_CHECK_BITS & _NUMBER_MASK) ^ self._mask, "uid", uid)

    def by_sec_uid(self, sec_uid: str) -> Creator | None:
        """Return the creator with this sec_uid, if there is one."""
        coded = sec_uid[len(SEC_UID_PREFIX) : len(SEC_UID_PREFIX) + 4]
        try:
            number = int.from_bytes(base64.urlsafe_b64decode(coded), "big") ^ self._mask
        except ValueError:
            return None
        return self._confirmed(number, "sec_uid", sec_uid)

    def by_handle(self, handle: str) -> Creator | None:
        """Return the creator with this handle, if there is one."""
        name = handle.rstrip("0123456789")
        suffix = handle[len(name) :]
        words = _WORD_PAIRS.get(name.replace(".", "").replace("_", ""))
        if words is None or not suffix or len(suffix) > 3:
            return None
        adjective, noun = words
        return self._confirmed(adjective << 14 | noun << 8 | int(suffix), "handle", handle)

    def _confirmed(self, number: int, attribute: str, value: str) -> Creator | None:
        if not 0 <= number <= _NUMBER_MASK or number & 7 not in set(Role):
            return None
        creator = self.by_number(number)
        return creator if getattr(creator, attribute) == value else None

    def _make(self, number: int) -> Creator:
        dice = Dice(self._seed, "creator", number)
        role = Role(number & 7)
        created_at = dice.randrange(1_480_000_000, 1_690_000_000)
        followers = follower_curve(dice, *_FOLLOWERS[role])
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
            created_at=created_at,
            followers=followers,
            hearts=SteadyCount(hearts_per_day * dice.uniform(400, 900), hearts_per_day),
            videos=SteadyCount(posts_per_day * dice.uniform(400, 900) + 3, posts_per_day),
            search_count=dice.choice(("missing", "zero")) if role is Role.HIDDEN else "shown",
            number=number,
        )

    def _uid(self, number: int, created_at: int) -> str:
        """Return an id shaped as the real ones: the time of creation in the upper 32 bits."""
        check = digest(self._seed, "uid", number) & ((1 << _UID_CHECK_BITS) - 1)
        return str(created_at << 32 | (number ^ self._mask) << _UID_CHECK_BITS | check)

    def _sec_uid(self, number: int) -> str:
        check = hashlib.blake2b(f"{self._seed} sec_uid {number}".encode(), digest_size=45).digest()
        coded = (number ^ self._mask).to_bytes(3, "big") + check
        return SEC_UID_PREFIX + base64.urlsafe_b64encode(coded).decode()


def _handle(number: int, dice: Dice) -> str:
    separator = dice.choice(("", "", ".", "_"))
    return f"{ADJECTIVES[number >> 14]}{separator}{NOUNS[number >> 8 & 63]}{number & 255}"


def _nickname(dice: Dice) -> str:
    joint, firsts, seconds = dice.choice(NICKNAME_PARTS)
    name = f"{dice.choice(firsts)}{joint}{dice.choice(seconds)}"
    return f"{name} {dice.choice(ORNAMENTS)}" if dice.chance(0.4) else name


_WORD_PAIRS = {a + n: (i, j) for i, a in enumerate(ADJECTIVES) for j, n in enumerate(NOUNS)}
