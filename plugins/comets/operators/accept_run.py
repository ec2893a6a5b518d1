"""The first task of a run: refuse what can't be done before anything is paid for, and note the rest."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.sdk import BaseOperator, Context

from comets.database.client import connect
from comets.dates import run_date, today
from comets.errors import ParamsError
from comets.params import RunParams, parse_params
from comets.runs.acceptance import ensure_same_kind, forecast_run
from comets.search.groups import group_hashtags
from comets.settings import settings


class AcceptRunOperator(BaseOperator):
    """Check params and database, and store the request under the run's id, where every later task reads it.

    :return: the normalised hashtags in groups, one mapped task each
    """

    def execute(self, context: Context) -> list[list[str]]:
        """Accept the run.

        :raises ParamsError: a param is wrong or the date lies in the future; nothing is stored and no call is made.
        :raises MixedDataError: the database holds real creators and the run's are made up, or the other way round.
        :raises DatabaseError: the connection is missing, or the schema file was not run.
        """
        params = parse_params(context["params"])
        dag_run = context["dag_run"]
        timezone = settings().timezone
        recorded_date = run_date(dag_run, timezone)
        now_date = today(timezone)
        if recorded_date > now_date:
            raise ParamsError(
                f"The run is refused, no call was made: its logical date is {recorded_date}, and today is {now_date} "
                f"({timezone}). Trigger it again with today's date or an earlier one."
            )
        request = {
            "recorded_date": recorded_date,
            "is_live": recorded_date == now_date,
            **params.model_dump(exclude={"refresh"}),
            "is_refresh": params.refresh,
        }
        with connect(timeout=self.execution_timeout) as database:
            database.require_schema()
            is_made_up = ensure_same_kind(database)
            database.execute(
                "runs/accept_run",
                run_id=dag_run.run_id,
                timezone=timezone,
                is_made_up=is_made_up,
                accepted_at=datetime.now(UTC),
                **request,
            )
            forecast = forecast_run(database, params, settings().budget.price_per_call_usd)
        self._log_request(params, request)
        self.log.info("Forecast: %s", forecast)
        groups = group_hashtags(params.hashtags, params.pages_per_hashtag, settings())
        if len(groups) < len(params.hashtags):
            self.log.info("%d hashtags in %d tasks", len(params.hashtags), len(groups))
        return groups

    def _log_request(self, params: RunParams, request: dict[str, object]) -> None:
        mode = "live" if request["is_live"] else "a past date: what was landed for it is re-used"
        self.log.info("Run for %s (%s)", request["recorded_date"], mode)
        self.log.info("Hashtags: %s", ", ".join(f"#{hashtag}" for hashtag in params.hashtags))
        for name, value in params.model_dump(exclude={"hashtags"}).items():
            self.log.info("%s = %s", name, value)
