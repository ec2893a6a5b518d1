"""Registration with Airflow's plugin loader, and links when Airflow is served under a path."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import requests
from fastapi import FastAPI

from comets.page.app import pages
from tests.conftest import PROJECT_FOLDER
from tests.page.conftest import Site, serve
from tests.page.reading import Page

LOAD = """
import json, sys
import airflow.listeners
from airflow.plugins_manager import AirflowPlugin
before = set(sys.modules)
import comets_plugin
plugin = comets_plugin.CometsPlugin
added = sorted({name.partition(".")[0] for name in set(sys.modules) - before})
print("RESULT" + json.dumps([plugin.external_views, [app["url_prefix"] for app in plugin.fastapi_apps], added]))
"""


def load(base_url: str, home: Path) -> tuple[list[dict[str, str]], list[str], list[str]]:
    """Return the registered views and URL prefixes, and the packages that loading the plugin imports."""
    environment = os.environ | {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__API__BASE_URL": base_url,
        "PYTHONPATH": str(PROJECT_FOLDER / "plugins"),
    }
    output = subprocess.run(
        [sys.executable, "-c", LOAD], env=environment, check=True, capture_output=True, text=True
    ).stdout
    views, prefixes, added = json.loads(output.rpartition("RESULT")[2])
    return views, prefixes, added


def test_view_links_start_with_the_path_of_airflow(tmp_path: Path) -> None:
    views, prefixes, added = load("https://example.org/team/airflow/", tmp_path)
    assert prefixes == ["/comets"]
    page, tab = views
    assert page["href"] == "/team/airflow/comets/"
    assert page["destination"] == "nav"
    assert "url_route" not in page
    assert tab["href"] == "/team/airflow/comets/latest?framed=1&dag={DAG_ID}"
    assert (tab["destination"], tab["url_route"]) == ("dag", "latest-comets")
    assert page["icon"] == "/team/airflow/comets/static/icon.svg"
    # Every task process pays for these imports.
    assert added == ["comets_plugin"]


def test_links_stay_under_the_path_of_airflow(site: Site) -> None:
    airflow = FastAPI(root_path="/team/airflow")
    airflow.mount("/comets", pages)
    with serve(airflow) as url:
        for path in ("", "creators/101", "runs"):
            answer = requests.get(f"{url}/team/airflow/comets/{path}", timeout=30)
            assert answer.status_code == requests.codes.ok
            addresses = {
                str(attributes[name])
                for _, attributes in Page(answer.text).elements
                for name in ("href", "src", "action")
                if attributes.get(name)
            }
            outside = {address for address in addresses if not address.startswith("/team/airflow/")}
            assert all(address.startswith(("https://www.tiktok.com/", "#main")) for address in outside)


def test_airflow_loads_the_plugin_without_error(site: Site) -> None:
    headers = {"Authorization": f"Bearer {site.tokens['viewer']}"}
    plugins = site.session.get(f"{site.url}/api/v2/plugins", headers=headers, timeout=30).json()["plugins"]
    (comets,) = [plugin for plugin in plugins if plugin["name"] == "comets"]
    assert [view["href"] for view in comets["external_views"]] == [
        "/comets/",
        "/comets/latest?framed=1&dag={DAG_ID}",
    ]
    errors = site.session.get(f"{site.url}/api/v2/plugins/importErrors", headers=headers, timeout=30).json()
    assert errors["import_errors"] == []
