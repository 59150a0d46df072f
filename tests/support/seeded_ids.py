"""Ids that are random to the program and the same in every run, so that an example that fails fails again."""

from __future__ import annotations

import secrets
from random import Random

import pytest


class SeededIds:
    """In place of `secrets.token_hex`, from which the program takes the ids of its attempts."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """The same ids from here on as after any other beginning."""
        self._random = Random(0)

    def token_hex(self, nbytes: int) -> str:
        """As many random bytes, in hexadecimal digits."""
        return self._random.randbytes(nbytes).hex()

    def patch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """All ids that are made until the end of the test."""
        monkeypatch.setattr(secrets, "token_hex", self.token_hex)


SEEDED_IDS = SeededIds()
