"""The execution API in a server of its own: runs do without the server that has the UI and the page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import requests

from include.stack.ports import free_port
from include.stack.processes import COMPONENTS, Part, airflow_command
from tests.conftest import TEST_FOLDER
from tests.stack import running_stack
from tests.stack.running_stack import RunningStack


@pytest.fixture(scope="module")
def execution_url() -> str:
    """The URL of the server of the execution API."""
    return f"http://127.0.0.1:{free_port()}"


@pytest.fixture(scope="module")
def split_stack(execution_url: str) -> Iterator[RunningStack]:
    """Yield a stack with an api-server for users and one for tasks."""
    servers = (
        Part("api-server", airflow_command("api-server", "--apps", "core")),
        Part(
            "execution-server",
            airflow_command("api-server", "--apps", "execution", "--port", execution_url.rpartition(":")[2]),
        ),
    )
    others = [part for part in COMPONENTS if part.name != "api-server"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("include.stack.up.COMPONENTS", (*servers, *others))
        address = {"AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{execution_url}/execution/"}
        patch.setattr(running_stack, "AIRFLOW_SETTINGS", running_stack.AIRFLOW_SETTINGS | address)
        with running_stack.running_stack(TEST_FOLDER / "a split stack") as stack:
            yield stack


def test_run_succeeds_without_an_execution_api_beside_the_page(split_stack: RunningStack, execution_url: str) -> None:
    split_stack.run(datetime(2026, 3, 1, 2, tzinfo=UTC), {"pages_per_hashtag": 1})
    paths = ("/api/v2/monitor/health", "/comets/static/comets.css", "/execution/health")
    statuses = {
        url: [requests.get(url + path, timeout=30).status_code for path in paths]
        for url in (split_stack.api.url, execution_url)
    }
    # The page asks for a login, so it is there. The UI answers unknown paths with its start page.
    core, execution = statuses.values()
    assert core[:2] == [200, 401]
    assert execution == [404, 404, 200]
    assert "healthy" not in requests.get(f"{split_stack.api.url}/execution/health", timeout=30).text
