"""Airflow imports this file at the start of each of its processes; it makes tasks start with less work.

Scheduler, Celery workers and Dag processor fork a process for each task or Dag file. What is imported before that is
neither imported again by each of them nor held in memory once each. Only libraries are: the package's own code and its
settings file are read by each task anew, so that changes of them hold at once.
"""

import sys
import warnings
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

# pathspec 1.x warns about the class with which Airflow 3.3.2 reads plugins/.airflowignore, in the log of each task.
warnings.filterwarnings("ignore", message="GitWildMatchPattern", category=DeprecationWarning)
