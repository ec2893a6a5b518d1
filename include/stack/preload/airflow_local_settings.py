"""Airflow imports this file at the start of each of its processes; it makes tasks start with less work.

Scheduler, Celery workers and Dag processor fork a process for each task or Dag file. What is imported before that is
neither imported again by each of them nor held in memory once each. Only libraries are: the package's own code and its
settings file are read by each task anew, so that changes of them hold at once.
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
