"""The page "Comets": a read-only web application inside Airflow's api-server."""
