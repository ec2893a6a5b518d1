"""The note of a run in Airflow's UI: its date and its result.

Airflow 3.3's Task SDK has no setter for notes. A task therefore pushes the text as an XCom, and the listener of
`comets_plugin.py` copies it into the note when the run ends: in the scheduler, or in the api-server for a run that is
marked by hand.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from textwrap import shorten
from typing import TYPE_CHECKING, Any

from comets.values import printable_text

if TYPE_CHECKING:
    from datetime import date

    from airflow.models.dagrun import DagRun
    from airflow.sdk import Context
    from sqlalchemy import Connection

XCOM_KEY = "comets_run_note"
AUTHOR = "comet_discovery"
"""``user_id`` of our notes. Airflow stores the id of a person's own user, also when they edit one of ours."""

MAX_CHARS = 1000
"""Width of Airflow's column."""

MAX_REASON_CHARS = 160

Row = Mapping[str, Any]

log = logging.getLogger(__name__)


def push_run_note(context: Context, recorded_date: date, result: str) -> None:
    """Push the text for the run's note; the last push of a run wins.

    :param result: one line without secrets
    """
    text = f"{recorded_date}: {' '.join(result.split())}"
    shown = text if len(text) <= MAX_CHARS else f"{text[: MAX_CHARS - 3]}..."
    # A mapping, because an XCom backend may store the path of a file in place of a value.
    context["ti"].xcom_push(key=XCOM_KEY, value={"text": shown})


def result_line(
    comets: Sequence[Row],
    calls: Row,
    price_usd: float,
    failed_hashtags: Sequence[Row],
    failed_steps: Sequence[str],
    stop_reasons: Sequence[str],
) -> str:
    """Return the result of a run in one line: failures first, then Comets, calls and cost.

    :param comets: rows of reporting/comets.sql
    :param calls: the row of reporting/calls.sql
    :param price_usd: of one billed call
    :param failed_hashtags: rows of reporting/hashtags.sql
    """
    new_count = sum(comet["is_new"] for comet in comets)
    totals = (
        f"{len(comets):,} Comet{'' if len(comets) == 1 else 's'}, {new_count:,} new; "
        f"{calls['call_count']:,} calls, about {calls['billed_count'] * price_usd:,.2f} USD"
    )
    failures = [
        *(f"hashtag #{row['hashtag']} ({_shortened(row['last_error'] or 'see its log')})" for row in failed_hashtags),
        *failed_steps,
    ]
    reasons = "".join(f" {_shortened(reason)}." for reason in stop_reasons)
    return f"failed: {', '.join(failures)}.{reasons} {totals}" if failures else totals


def _shortened(text: str) -> str:
    return printable_text(shorten(text, MAX_REASON_CHARS, placeholder="...").removesuffix("."))


def write_run_note(dag_run: DagRun) -> None:
    """Copy the pushed text into the note of a run that has ended, unless a person wrote one. Never raise.

    :param dag_run: with the session in which Airflow stores its state; `dag.test()` hands over a detached one
    """
    try:
        with _connection_of(dag_run) as connection, connection.begin_nested():
            _write(connection, dag_run.id)
    except Exception:
        log.warning("The note of run %s was not written", dag_run.run_id, exc_info=True)


@contextmanager
def _connection_of(dag_run: DagRun) -> Iterator[Connection]:
    from airflow.utils.session import create_session
    from sqlalchemy.orm import object_session

    session = object_session(dag_run)
    if session is None:
        with create_session() as own:
            yield own.connection()
    else:
        # The scheduler's session refuses to commit, savepoints of the session included; its connection does not. An
        # error in such a savepoint leaves the scheduler's transaction intact.
        yield session.connection()


def _write(connection: Connection, dag_run_id: int) -> None:
    from airflow.models.dagrun import DagRunNote
    from airflow.models.xcom import XComModel
    from sqlalchemy import insert, select, update

    pushed = select(XComModel.value).where(XComModel.dag_run_id == dag_run_id, XComModel.key == XCOM_KEY)
    value: Any = connection.scalar(pushed.order_by(XComModel.timestamp.desc()).limit(1))
    if not isinstance(value, dict) or "text" not in value:
        return
    note = DagRunNote.dag_run_id == dag_run_id
    author = connection.execute(select(DagRunNote.user_id).where(note)).first()
    if author is None:
        connection.execute(insert(DagRunNote).values(dag_run_id=dag_run_id, content=value["text"], user_id=AUTHOR))
    elif author.user_id == AUTHOR:
        connection.execute(update(DagRunNote).where(note).values(content=value["text"]))
