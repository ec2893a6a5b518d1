"""The local stack: PostgreSQL, the sandbox and Airflow on this machine, without root, Docker or system packages."""
