"""Deterministic randomness: each value is a pure function of a seed and names."""

import hashlib
import math
import random


def digest(*parts: object) -> int:
    """Return a 64-bit number that depends only on `parts` (`hash` changes per process)."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


class Dice(random.Random):
    """A random generator seeded by names."""

    def __init__(self, *parts: object) -> None:
        super().__init__(digest(*parts))

    def chance(self, probability: float) -> bool:
        """Return True with this probability."""
        return self.random() < probability

    def log_between(self, low: float, high: float) -> float:
        """Return a log-uniform number between two positive bounds."""
        return math.exp(self.uniform(math.log(low), math.log(high)))
