"""Run in a process of its own: creates or migrates Airflow's database and sets the pool.

One process does both because starting Airflow takes seconds; its command line would need two.
"""

import argparse

import sqlalchemy
from airflow import settings
from airflow.models.pool import Pool
from airflow.utils.db import initdb

POOL_DESCRIPTION = "Parallel TikHub work over all runs and backfills; set by pool_slots in include/comets.yaml."


def main() -> None:
    """Do what the arguments ask for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("pool")
    parser.add_argument("slots", type=int)
    parser.add_argument("--only-empty", action="store_true", help="leave tables that are there as they are")
    arguments = parser.parse_args()
    if not (arguments.only_empty and sqlalchemy.inspect(settings.engine).has_table("alembic_version")):
        initdb()
    Pool.create_or_update_pool(arguments.pool, arguments.slots, POOL_DESCRIPTION, include_deferred=False)


if __name__ == "__main__":
    main()
