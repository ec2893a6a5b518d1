"""The first task of a run: validate it before anything is paid for, and store its request."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

from airflow.sdk import BaseOperator, Context

from comets.database.client import connect
from comets.dates import run_date, today
from comets.errors import CometsError, ParamsError
from comets.params import RunParams, parse_params
from comets.runs.acceptance import ensure_same_kind, forecast_run
from comets.runs.notes import push_run_note
from comets.search.groups import group_hashtags
from comets.settings import settings


class AcceptRunOperator(BaseOperator):
    """Check params, date and database, and store the request under the run's id for the later tasks.

    :return: the normalized hashtags in groups, one mapped task each
    """

    def execute(self, context: Context) -> list[list[str]]:
        """Accept the run.

        :raises ParamsError: a param is wrong or the date lies in the future; nothing is stored and no call is made.
        :raises MixedDataError: the database holds real creators and the run's are made up, or the other way round.
        :raises DatabaseError: the connection is missing, or the schema file was not run.
        """
        recorded_date = run_date(context["dag_run"], settings().timezone)
        try:
            groups = self._accept(context, recorded_date)
        except CometsError as error:
            push_run_note(context, recorded_date, str(error))
            raise
        # The report replaces it.
        push_run_note(context, recorded_date, "ended without a report; the log of the failed task says why")
        return groups

    def _accept(self, context: Context, recorded_date: date) -> list[list[str]]:
        params = parse_params(context["params"])
        timezone = settings().timezone
        now_date = today(timezone)
        if recorded_date > now_date:
            raise ParamsError(
                f"The run is refused, no call was made: its logical date is {recorded_date}, and today is {now_date} "
                f"({timezone}). Trigger it again with today's date or an earlier one."
            )
        is_live = recorded_date == now_date
        with connect(timeout=self.execution_timeout) as database:
            database.require_schema()
            is_made_up = ensure_same_kind(database)
            request = {
                "run_id": context["dag_run"].run_id,
                "recorded_date": recorded_date.isoformat(),
                "timezone": timezone,
                "is_live": is_live,
                "is_refresh": params.refresh,
                "is_made_up": is_made_up,
                "accepted_at": datetime.now(UTC).isoformat(),
                **params.model_dump(exclude={"refresh"}),
            }
            database.execute("runs/accept_run", request=json.dumps(request))
            forecast = forecast_run(database, params, settings().budget.price_per_call_usd)
        groups = group_hashtags(params.hashtags, params.pages_per_hashtag, settings())
        self._log_request(params, recorded_date, is_live, len(groups))
        self.log.info("Forecast: %s", forecast)
        return groups

    def _log_request(self, params: RunParams, recorded_date: date, is_live: bool, group_count: int) -> None:
        self.log.info(
            "Run for %s accepted (%s): %d hashtags in %d tasks: %s",
            recorded_date,
            "live" if is_live else "past date, landed data is reused",
            len(params.hashtags),
            group_count,
            ", ".join(f"#{hashtag}" for hashtag in params.hashtags),
        )
        others = params.model_dump(exclude={"hashtags"})
        self.log.info("Params: %s", ", ".join(f"{name}={value}" for name, value in others.items()))
