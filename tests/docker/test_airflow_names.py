"""Names in docker-compose.yaml that must be Airflow's: commands, settings, addresses of health checks."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import airflow
import pytest

from include.docker.__main__ import container_environment
from tests.docker.compose import AIRFLOW_SERVICES, PROJECT_FOLDER, SERVICES, environment_of

SCHEDULER_HEALTH_PATH = "/health"


def airflow_commands() -> list[list[str]]:
    """Every command line of Airflow's CLI: the services' own, and those of their health checks."""
    services = [service["command"] for service in AIRFLOW_SERVICES.values() if service["command"][0] != "python"]
    checks = [
        shlex.split(" ".join(service["healthcheck"]["test"]))
        for service in SERVICES.values()
        if "healthcheck" in service
    ]
    return services + [check[check.index("airflow") + 1 :] for check in checks if "airflow" in check]


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the installed Airflow says, in the environment of a worker."""
    secrets = dict.fromkeys(("POSTGRES_PASSWORD", "REDIS_PASSWORD"), "secret0123456789")
    others = ("AIRFLOW__API__SECRET_KEY", "AIRFLOW__API_AUTH__JWT_SECRET", "AIRFLOW__CORE__FERNET_KEY")
    environment = container_environment(environment_of("airflow-worker", secrets | dict.fromkeys(others, "secret")))
    home = tmp_path_factory.mktemp("airflow")
    result = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("airflow_facts.py")), json.dumps(airflow_commands())],
        env={**environment, "PATH": os.environ["PATH"], "AIRFLOW_HOME": str(home), "PYTHONPATH": str(PROJECT_FOLDER)},
        capture_output=True,
        text=True,
        check=True,
    )
    return {"environment": environment, **json.loads(result.stdout.splitlines()[-1])}


def test_every_command_is_one_of_airflow(facts: dict[str, Any]) -> None:
    assert ["celery", "worker"] in airflow_commands()
    assert facts["refused_commands"] == []


def test_every_setting_is_one_of_airflow(facts: dict[str, Any]) -> None:
    names = {name for name in facts["environment"] if name.startswith("AIRFLOW__")}
    known = {f"AIRFLOW__{section}__{option}".upper() for section, parts in facts["options"].items() for option in parts}
    assert "AIRFLOW__CELERY__BROKER_URL" in names
    assert names - known == set()


def test_the_health_checks_ask_where_airflow_answers(facts: dict[str, Any]) -> None:
    asked = {name: SERVICES[name]["healthcheck"]["test"][-1] for name in ("airflow-apiserver", "airflow-scheduler")}
    port = SERVICES["airflow-apiserver"]["ports"][0].rsplit(":", 1)[1]
    assert asked["airflow-apiserver"] == f"http://localhost:{port}/api/v2/monitor/health"
    # Read, as importing the API's routes takes eight seconds.
    routes = Path(airflow.__path__[0]) / "api_fastapi" / "core_api" / "routes" / "public" / "monitor.py"
    text = routes.read_text(encoding="utf-8")
    assert 'prefix="/monitor"' in text
    assert '"/health"' in text
    scheduler = f"http://localhost:{facts['scheduler_health_port']}{SCHEDULER_HEALTH_PATH}"
    assert asked["airflow-scheduler"] == scheduler
    assert facts["environment"]["AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK"] == "True"
