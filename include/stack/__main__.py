"""The commands behind the Makefile: `python -m include.stack --help`."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import click
import typer

# Airflow puts plugins/ on the path by itself; commands read the package's settings too.
sys.path.append(str(Path(__file__).resolve().parents[2] / "plugins"))

from comets.settings import SettingsError
from include.stack.errors import StackError
from include.stack.output import note

app = typer.Typer(
    help=__doc__, add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None
)
AIRFLOWS_OWN = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
INTERRUPTED = 130


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
def env() -> int:
    """Print the environment as `export` lines."""
    from include.stack.environment_output import show_environment

    show_environment()
    return 0


@app.command()
def backfill(
    first: Annotated[str, typer.Argument(metavar="FROM")] = "", last: Annotated[str, typer.Argument(metavar="TO")] = ""
) -> int:
    """Run the days from FROM to TO (YYYY-MM-DD) on the running stack."""
    from include.stack.backfill import run_backfill

    return run_backfill(first, last)


@app.command("setup-database")
def setup_database() -> int:
    """Run include/sql/setup_database.sql on the creators' database."""
    from include.stack.services import set_up_database

    set_up_database()
    return 0


@app.command()
def status() -> int:
    """Print what runs, where, and what the last run gave."""
    from include.stack.status import show_status

    show_status()
    return 0


@app.command()
def backup(target: Annotated[str, typer.Argument(metavar="FILE")] = "") -> int:
    """Save the embedded database of real creators to a file."""
    from include.stack.backup import back_up

    back_up(target)
    return 0


@app.command()
def restore(source: Annotated[str, typer.Argument(metavar="FILE")] = "", *, force: bool = False) -> int:
    """Put the database of a file in the place of what is there."""
    from include.stack.backup import restore as restore_database

    restore_database(source, is_forced=force)
    return 0


@app.command()
def clean(*, force: bool = False) -> int:
    """Remove databases, logs and keys."""
    from include.stack.cleaning import clean as clean_up

    clean_up(is_forced=force)
    return 0


def main() -> int:
    """Run a command; return its exit code."""
    try:
        return int(app(standalone_mode=False) or 0)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (StackError, SettingsError) as error:
        note(f"Error: {error}")
        return 1
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except Exception as error:
        # Commands that ask Airflow have imported its client, which takes a second.
        api = sys.modules.get("include.stack.airflow_api")
        if api is None or not isinstance(error, api.ApiException):
            raise
        note(f"Error: {api.describe_refusal(error)}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
