"""The Python that the tasks of the Dag `comet_discovery` need."""
