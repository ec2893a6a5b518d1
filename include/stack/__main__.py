"""The commands behind the Makefile: `python -m include.stack --help`."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

# Airflow puts plugins/ on the path by itself; commands read the package's settings too.
sys.path.append(str(Path(__file__).resolve().parents[2] / "plugins"))

from comets.settings import SettingsError
from include.stack.errors import StackError
from include.stack.output import note

AIRFLOWS_OWN = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


def end(code: int | None) -> None:
    """End with the exit code that a command has returned."""
    raise typer.Exit(code or 0)


app = typer.Typer(
    help=__doc__,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    result_callback=end,
)


@app.command()
def demo() -> int:
    """Run the main job from nothing to a leaderboard."""
    from include.stack.demo import run_demo

    return run_demo()


@app.command()
def up() -> int:
    """Serve the whole stack with Airflow's UI until Ctrl-C."""
    from include.stack.up import serve

    return serve("make up")


@app.command()
def distributed() -> int:
    """Serve the same with Redis and two Celery workers."""
    from include.stack.up import serve

    return serve("make distributed", is_distributed=True)


@app.command()
def leaderboard() -> int:
    """Print the leaderboard of the newest date that was run."""
    from include.stack.leaderboard import show_latest

    return show_latest()


@app.command()
def check(*, notice: bool = False) -> int:
    """Check key, balance, database, Airflow and notices."""
    from include.stack.check import run_check

    return run_check(sends_notice=notice)


@app.command(context_settings=AIRFLOWS_OWN)
def airflow(context: typer.Context) -> int:
    """Run Airflow's command line, with what it needs around it."""
    from include.stack.airflow_cli import run_airflow

    return run_airflow(context.args)


@app.command("airflow-line")
def airflow_line(arguments: str) -> int:
    """Run the same with all arguments in one text, quoted as for a shell."""
    from include.stack.airflow_cli import run_airflow

    return run_airflow(shlex.split(arguments))


@app.command()
def env() -> None:
    """Print the environment as `export` lines."""
    from include.stack.environment_output import show_environment

    show_environment()


@app.command()
def backfill(
    first: Annotated[str, typer.Argument(metavar="FROM")] = "", last: Annotated[str, typer.Argument(metavar="TO")] = ""
) -> int:
    """Run the days from FROM to TO (YYYY-MM-DD) on the running stack."""
    from include.stack.backfill import run_backfill

    return run_backfill(first, last)


@app.command("setup-database")
def setup_database() -> None:
    """Run include/sql/setup_database.sql on the creators' database."""
    from include.stack.services import set_up_database

    set_up_database()


@app.command()
def status() -> None:
    """Print what runs, where, and what the last run gave."""
    from include.stack.status import show_status

    show_status()


@app.command()
def backup(target: Annotated[str, typer.Argument(metavar="FILE")] = "") -> None:
    """Save the embedded database of real creators to a file."""
    from include.stack.backup import back_up

    back_up(target)


@app.command()
def restore(source: Annotated[str, typer.Argument(metavar="FILE")] = "", *, force: bool = False) -> None:
    """Put the database of a file in the place of what is there."""
    from include.stack.backup import restore as restore_database

    restore_database(source, is_forced=force)


@app.command()
def clean(*, force: bool = False) -> None:
    """Remove databases, logs and keys."""
    from include.stack.cleaning import clean as clean_up

    clean_up(is_forced=force)


def main() -> None:
    """Run a command, and end with its exit code."""
    try:
        app()
    except (StackError, SettingsError) as error:
        reason = str(error)
    except Exception as error:
        # Commands that ask Airflow have imported its client, which takes a second.
        api = sys.modules.get("include.stack.airflow_api")
        if api is None or not isinstance(error, api.ApiException):
            raise
        reason = api.describe_refusal(error)
    note(f"Error: {reason}")
    sys.exit(1)


if __name__ == "__main__":
    main()
