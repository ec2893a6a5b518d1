"""How often something has failed: the number that the retry policy judges by."""

from __future__ import annotations

import logging
from typing import Any

from comets.database_errors import TransientDatabaseError
from comets.errors import TikHubError

DATABASE_TRIES = 7
"""With the settings as delivered the pauses make about four minutes: a server restarts, a standby takes over."""

log = logging.getLogger(f"airflow.task.{__name__}")


def failed_tries_of(exception: BaseException, try_number: int, max_tries: int, context: Any) -> int:
    """How often the same has failed, this time included.

    TikHub's errors bring the number of their call. Of others it is how often this task instance met one of their kind
    since it was last cleared. Airflow's try number would count failures of other calls too, and tries that were killed.
    """
    if isinstance(exception, TikHubError):
        return exception.failed_tries
    kind = "database" if isinstance(exception, TransientDatabaseError) else "other"
    # Clearing a task instance raises max_tries.
    key = f"{kind}_failures_{max_tries}"
    try:
        # Kept by Airflow, because the creators' database may be what fails.
        store = context["task_state_store"]
        count = int(store.get(key, 0)) + 1
        store.set(key, count)
    except Exception as error:
        # The try number is at least as large.
        log.warning("Airflow could not count the failures of this task (%s): all tries count", type(error).__name__)
        return try_number
    return count
