"""The commands behind the Makefile: `python -m include.stack --help`."""

import errno
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

# Outside Airflow, plugins/ is not on the path.
sys.path.append(str(Path(__file__).resolve().parents[2] / "plugins"))

from comets.settings import SettingsError
from include.stack.errors import StackError
from include.stack.output import note

PASS_THROUGH = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


def exit_with(code: int | None) -> None:
    """Exit with a command's return value as the exit code."""
    raise typer.Exit(code or 0)


app = typer.Typer(
    help=__doc__,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    result_callback=exit_with,
)


@app.command()
def demo() -> int:
    """Run the pipeline and print a leaderboard."""
    from include.stack.demo import run_demo

    return run_demo()


@app.command()
def up() -> int:
    """Start the stack with Airflow's UI; Ctrl-C stops it."""
    from include.stack.up import serve

    return serve("make up")


@app.command()
def distributed() -> int:
    """Start the stack with Redis and two Celery workers."""
    from include.stack.up import serve

    return serve("make distributed", is_distributed=True)


@app.command()
def leaderboard() -> int:
    """Print the latest leaderboard."""
    from include.stack.leaderboard import print_latest

    return print_latest()


@app.command()
def doctor(*, notice: bool = False) -> int:
    """Check everything that the daily runs need."""
    from include.stack.doctor import run_doctor

    return run_doctor(sends_test=notice)


@app.command(context_settings=PASS_THROUGH)
def airflow(context: typer.Context) -> int:
    """Run Airflow's CLI with its databases and the sandbox."""
    from include.stack.airflow_cli import run_airflow

    return run_airflow(context.args)


@app.command("airflow-line")
def airflow_line(arguments: str) -> int:
    """Run Airflow's CLI with all arguments in one shell-quoted string."""
    from include.stack.airflow_cli import run_airflow

    return run_airflow(shlex.split(arguments))


@app.command()
def env() -> None:
    """Print the environment as `export` lines."""
    from include.stack.environment_output import print_environment

    print_environment()


@app.command()
def backfill(
    first: Annotated[str, typer.Argument(metavar="FROM")] = "", last: Annotated[str, typer.Argument(metavar="TO")] = ""
) -> int:
    """Run missed dates from FROM to TO (YYYY-MM-DD) on the running stack."""
    from include.stack.backfill import run_backfill

    return run_backfill(first, last)


@app.command()
def logins(reset: Annotated[str, typer.Argument(metavar="RESET")] = "") -> None:
    """Show the users of Airflow's UI and their passwords, with a new one for the user RESET."""
    from include.stack.environment import resolve
    from include.stack.logins import show_logins

    show_logins(resolve().variables, reset)


@app.command("setup-database")
def setup_database() -> None:
    """Apply include/sql/setup_database.sql to the creators' database."""
    from include.stack.services import set_up_database

    set_up_database()


@app.command("clean-metadata")
def clean_metadata() -> int:
    """Delete what is older than `retention.airflow_days` from Airflow's own database."""
    from include.stack.airflow_cli import run_airflow
    from include.stack.metadata import clean_arguments

    arguments = clean_arguments()
    return run_airflow(arguments) if arguments else 0


@app.command("repair-readings")
def repair_readings() -> None:
    """Repair readings that a wrong clock has put into the future."""
    from include.stack.services import repair_readings as repair

    repair()


@app.command()
def status() -> None:
    """Show running services and the last run."""
    from include.stack.status import print_status

    print_status()


@app.command()
def backup(
    target: Annotated[str, typer.Argument(metavar="FILE")] = "",
    keep: Annotated[int, typer.Option(min=0, help="Delete older backups of the folder.")] = 0,
) -> None:
    """Back up both databases and the keys."""
    from include.stack.backup import back_up

    back_up(target, kept_count=keep)


@app.command()
def restore(source: Annotated[str, typer.Argument(metavar="FILE")] = "", *, force: bool = False) -> None:
    """Restore a backup."""
    from include.stack.backup import restore as restore_database

    restore_database(source, is_forced=force)


@app.command()
def traces() -> int:
    """Look for what is left of an erased creator."""
    from include.stack.traces import look_for_traces

    return look_for_traces()


@app.command()
def clean(*, force: bool = False) -> None:
    """Delete databases, logs and keys."""
    from include.stack.cleaning import clean as clean_up

    clean_up(is_forced=force)


def main() -> None:
    """Run a command and exit with its code."""
    try:
        app()
    except (StackError, SettingsError) as error:
        reason = str(error)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        reason = f"The disk of this machine is full: {error}. Free space (logs are in .state), then repeat the command."
    except Exception as error:
        # Importing Airflow's client takes a second; only commands that use it have imported it.
        api = sys.modules.get("include.stack.airflow_api")
        if api is None or not isinstance(error, api.ApiException):
            raise
        reason = api.describe_api_error(error)
    note(f"Error: {reason}")
    sys.exit(1)


if __name__ == "__main__":
    main()
