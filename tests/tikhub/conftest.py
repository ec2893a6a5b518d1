"""Fixtures of the hook's tests: a server with planned responses, and hooks connected to it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from comets.tikhub.hook import TikHubHook
from comets.tikhub.models import VideoPage
from tests.tikhub.odd_server import OddServer, running_odd_server

KEY = "sk-K+/=tests"
"""Too short, even URL-encoded, for the general patterns of secrets."""


@pytest.fixture
def odd_server() -> Iterator[OddServer]:
    """A server that sends planned bytes."""
    with running_odd_server() as server:
        yield server


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Callable[..., TikHubHook]:
    """Define the Airflow connection `tikhub` and return a hook for it, without a proxy."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)

    def make(**connection: Any) -> TikHubHook:
        monkeypatch.setenv("AIRFLOW_CONN_TIKHUB", json.dumps({"conn_type": "http", "password": KEY} | connection))
        return TikHubHook()

    return make


@pytest.fixture
def hook(connect: Callable[..., TikHubHook], odd_server: OddServer) -> TikHubHook:
    """A hook connected to the odd server."""
    return connect(host=odd_server.url)


def search(hook: TikHubHook, offset: int = 0) -> VideoPage:
    """Fetch a page of any hashtag."""
    return hook.search_videos(keyword="pottery", offset=offset, count=20, publish_time=7, region="US")
