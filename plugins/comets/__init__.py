"""The code of the project's Dags and of the Comets page."""
