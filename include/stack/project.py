"""Paths of the project and its state."""

from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
SQL_FOLDER = PROJECT / "include" / "sql"
SCHEMA_FILE = SQL_FOLDER / "setup_database.sql"
REPAIR_FILE = SQL_FOLDER / "repair_readings.sql"


@dataclass(frozen=True)
class State:
    """The state folder: everything that the stack keeps between runs."""

    folder: Path

    @property
    def postgres(self) -> Path:
        """The embedded database server."""
        return self.folder / "postgres"

    @property
    def redis(self) -> Path:
        """The queue of `make distributed`."""
        return self.folder / "redis"

    @property
    def airflow_home(self) -> Path:
        """AIRFLOW_HOME: configuration and task logs."""
        return self.folder / "airflow"

    @property
    def logs(self) -> Path:
        """Logs of Airflow's components."""
        return self.folder / "logs"

    @property
    def keys(self) -> Path:
        """Generated keys and passwords."""
        return self.folder / "keys"

    @property
    def run(self) -> Path:
        """Working folder of the stack's processes; always empty."""
        return self.folder / "run"

    @property
    def benchmarks(self) -> Path:
        """Databases of `make bench`."""
        return self.folder / "benchmarks"

    @property
    def backups(self) -> Path:
        """Backups; `make clean` keeps them."""
        return self.folder / "backups"

    @property
    def stack_lock(self) -> Path:
        """Lock of the running `make up`, `make distributed` or `make demo`."""
        return self.folder / "stack.lock"

    def parts(self) -> list[Path]:
        """Return everything that `make clean` deletes from the folder."""
        return [
            self.postgres,
            self.redis,
            self.airflow_home,
            self.logs,
            self.keys,
            self.run,
            self.benchmarks,
            self.stack_lock,
        ]
