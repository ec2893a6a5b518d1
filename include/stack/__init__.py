"""The local stack: PostgreSQL, the sandbox and Airflow on one machine, without root, Docker or system packages."""
