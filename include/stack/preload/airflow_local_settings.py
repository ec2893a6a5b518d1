"""Preload libraries in Airflow's forking processes, so that tasks start faster and share memory.

Airflow imports this file at the start of each process. The package's own code is not preloaded, so that changes to it
and to the settings file apply at once.
"""

import sys
from importlib import import_module

FORKING = frozenset({"celery", "dag-processor", "scheduler"})
LIBRARIES = (
    "airflow.providers.common.sql.operators.sql",
    "airflow.providers.http.hooks.http",
    "airflow.providers.postgres.hooks.postgres",
    "requests_toolbelt",
)

if FORKING & {*sys.argv[1:2]}:
    for name in LIBRARIES:
        import_module(name)
