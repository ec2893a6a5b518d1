"""`make status`: show running services and the last run."""

from comets.settings import settings
from include.stack.database import describe
from include.stack.environment import resolve_for_runs
from include.stack.leaderboard import fetch_one
from include.stack.output import say
from include.stack.postgres import EmbeddedPostgres
from include.stack.processes import running_url
from include.stack.up import describe_tikhub

LAST_RUN = """
select
    run.run_id,
    run.recorded_date,
    run.report is not null as is_reported,
    (run.report ->> 'comet_count')::integer as comet_count,
    (run.report ->> 'new_comet_count')::integer as new_comet_count,
    (select count(*) filter (where is_billed) from comet_calls where comet_calls.run_id = run.run_id) as billed_count,
    (select max(recorded_date) from comet_dates where is_run) as newest_date,
    (select count(*) from creators) as creator_count
from (values (1)) as always (one)
left join (select * from comet_runs order by accepted_at desc limit 1) as run on true
"""


def print_status() -> None:
    """Print Airflow's URL, the database, TikHub and the last run."""
    environment = resolve_for_runs()
    say(f"Airflow      {running_url(environment.state) or 'not running (start with: make up)'}")
    say(f"Database     {describe(environment)}")
    say(f"TikHub       {describe_tikhub(environment)}")
    if environment.database_source is None and not EmbeddedPostgres(environment.state.postgres).is_running():
        say("Last run     unknown (the embedded PostgreSQL is not running)")
        return
    last = fetch_one(environment, LAST_RUN)
    if last["run_id"] is None:
        say("Last run     none")
        return
    price = settings().budget.price_per_call_usd
    found = (
        f"{last['comet_count']:,} Comets, {last['new_comet_count']:,} new" if last["is_reported"] else "not reported"
    )
    say(f"Last run     {last['run_id']} for {last['recorded_date']}: {found}, {last['billed_count'] * price:.2f} USD")
    say(f"Latest date  {last['newest_date'] or 'none'}")
    say(f"Creators     {last['creator_count']:,}")
