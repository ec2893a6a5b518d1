"""Where the project and its state lie."""

from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
SQL_FOLDER = PROJECT / "include" / "sql"
SCHEMA_FILE = SQL_FOLDER / "setup_database.sql"


@dataclass(frozen=True)
class State:
    """The parts of the state folder: all that the stack keeps between its runs, and nothing else of the project."""

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
        """What was generated for this installation: keys and the UI's password."""
        return self.folder / "keys"

    @property
    def run(self) -> Path:
        """Working folder of the stack's processes, which is empty."""
        return self.folder / "run"

    @property
    def benchmarks(self) -> Path:
        """A database server with the made-up history of `make bench`, and what was measured."""
        return self.folder / "benchmarks"

    @property
    def stack_lock(self) -> Path:
        """Held by the `make up`, `make distributed` or `make demo` that is at work."""
        return self.folder / "stack.lock"

    def parts(self) -> list[Path]:
        """Everything that the stack may have put into the folder."""
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
