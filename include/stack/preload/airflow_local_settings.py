"""Preload libraries in Airflow's forking processes, so that tasks start faster and share memory.

Airflow imports this file at the start of each process. The package's own code is not preloaded, so that changes to it
and to the settings file apply at once.
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
