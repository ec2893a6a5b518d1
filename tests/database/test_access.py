"""Rights on the tables: the owner, anonymous web clients, and the role of grant_role.sql."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row, tuple_row

from comets.database.client import Database
from comets.errors import DatabaseError
from include.stack.postgres import find_binaries
from tests.conftest import SCHEMA_FILE
from tests.database.test_setup import make_original, set_up
from tests.steps.builders import SQL_FOLDER, Facts, Profile, Row, Video

GRANT_FILE = SQL_FOLDER / "grant_role.sql"
# A view may reject a change for what it is.
REFUSALS = (
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.ObjectNotInPrerequisiteState,
    psycopg.errors.WrongObjectType,
)
WEB_ROLES = ("anon", "authenticated")
RELATIONS = """
    select relname, relkind::text
    from pg_class
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'v', 'S')
    order by 1
"""


@pytest.fixture
def database(new_database: Callable[[], str]) -> Iterator[psycopg.Connection[Row]]:
    """A hosted database: its `public` schema grants all rights on all tables to two web roles."""
    with psycopg.connect(new_database(), autocommit=True) as connection:
        for role in WEB_ROLES:
            with suppress(psycopg.errors.DuplicateObject):
                connection.execute(sql.SQL("create role {}").format(sql.Identifier(role)))
        connection.execute(
            """
            grant usage on schema public to anon, authenticated;
            alter default privileges in schema public grant all on tables to anon, authenticated;
            alter default privileges in schema public grant all on functions to anon, authenticated;
            alter default privileges in schema public grant all on sequences to anon, authenticated;
            """
        )
        yield connection


@pytest.fixture
def role(database: psycopg.Connection[Row]) -> Iterator[str]:
    """A new role without rights."""
    name = f"app {uuid4().hex[:8]}"
    database.execute(sql.SQL("create role {} login").format(sql.Identifier(name)))
    yield name
    database.execute("reset role")
    database.execute(sql.SQL("drop owned by {0}; drop role {0}").format(sql.Identifier(name)).as_string().encode())


def grant(connection: psycopg.Connection[Row], role: str, *, is_read_only: bool = False) -> None:
    """Execute grant_role.sql for a role, as edited in its first lines."""
    text = GRANT_FILE.read_text(encoding="utf-8")
    assert text.count("'comets_app'") == text.count("'false'") == 1
    edited = text.replace("'comets_app'", f"'{role}'").replace("'false'", f"'{is_read_only}'")
    connection.execute(edited.encode())


def set_role(connection: psycopg.Connection[Row], role: str) -> None:
    """Switch to a role."""
    connection.execute(sql.SQL("set role {}").format(sql.Identifier(role)))


def as_database(connection: psycopg.Connection[Row]) -> Database:
    """Return the connection as the client of the tasks."""
    connection.row_factory = dict_row  # type: ignore[assignment]
    return Database(connection)  # type: ignore[arg-type]


def test_web_clients_read_and_change_nothing(database: psycopg.Connection[Row]) -> None:
    make_original(database)
    set_up(database)
    facts = Facts(database)
    facts.land_page(Video("71", "v1"))
    facts.land_profile(Profile("71", 20_000))
    facts.run()
    relations = database.execute(RELATIONS.encode()).fetchall()
    before = {name: database.execute(f"select count(*) from {name}".encode()).fetchone() for name, _ in relations}
    assert before["creators"] != (0,)
    assert before["comet_snapshots"] != (0,)
    for web_role in WEB_ROLES:
        set_role(database, web_role)
        for name, kind in relations:
            try_everything(database, name, kind)
        assert database.execute("select * from comet_newest('71', 'infinity', '{observed}')").fetchall() == []
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            database.execute("create table references_creators (user_id text references creators)")
        assert database.execute("select count(*) from pg_stats where schemaname = 'public'").fetchone() == (0,)
        database.execute("reset role")
    for name, count in before.items():
        assert database.execute(f"select count(*) from {name}".encode()).fetchone() == count, name


def test_web_clients_keep_no_right_that_row_level_security_does_not_cover(database: psycopg.Connection[Row]) -> None:
    set_up(database)
    set_up(database)
    query = """
        select role_name, relname, privilege
        from pg_class
        cross join unnest(%s::text[]) as role_name
        cross join unnest(array['TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN']) as privilege
        where
            relnamespace = 'public'::regnamespace and relkind = 'r'
            and has_table_privilege(role_name, pg_class.oid, privilege)
    """
    assert database.execute(query, [list(WEB_ROLES)]).fetchall() == []


def try_everything(database: psycopg.Connection[Row], name: str, kind: str) -> None:
    """Try to read and to empty a table, a view or a sequence; both must fail."""
    if kind == "S":
        for statement in ("select last_value from {}", "select nextval('{}')", "select setval('{}', 1)"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                database.execute(statement.format(name).encode())
        return
    assert database.execute(f"select count(*) from {name}".encode()).fetchone() == (0,), name
    if kind == "r":
        for statement in (
            "delete from {}",
            "insert into {} default values",
            "truncate {} cascade",
            "lock table {} in row share mode",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), database.transaction():
                database.execute(statement.format(name).encode())


def test_tables_have_row_level_security_and_views_the_rights_of_the_caller(
    database: psycopg.Connection[Row],
) -> None:
    database.execute("create table comet_added_by_others (id integer)")
    set_up(database)
    query = """
        select relname
        from pg_class
        where
            relnamespace = 'public'::regnamespace
            and (
                relkind = 'r' and not relrowsecurity
                or relkind = 'v' and not 'security_invoker=true' = any(coalesce(reloptions, '{}'))
            )
    """
    assert database.execute(query).fetchall() == []
    # A hosted schema lets anonymous clients call functions, so none may run with its owner's rights.
    functions = "select proname from pg_proc where pronamespace = 'public'::regnamespace and prosecdef"
    assert database.execute(functions).fetchall() == []


RIGHTS = """
    select string_agg(distinct acl.privilege_type, ', ' order by acl.privilege_type)
    from pg_class as class
    cross join lateral aclexplode(class.relacl) as acl
    where class.oid = %s::regclass and acl.grantee = %s::regrole
"""


def rights(database: psycopg.Connection[Row], role: str, table: str) -> str | None:
    """Return the table rights that a role was granted."""
    row = database.execute(RIGHTS.encode(), [table, f'"{role}"']).fetchone()
    return row[0] if row else None


def test_role_with_all_rights_keeps_those_of_the_grant_file(database: psycopg.Connection[Row], role: str) -> None:
    set_up(database)
    everything = sql.SQL("grant all on creators, comet_calls, comet_locks, comet_counts to {} with grant option")
    database.execute(everything.format(sql.Identifier(role)))
    assert "MAINTAIN" in str(rights(database, role, "comet_calls"))
    set_up(database)
    assert rights(database, role, "comet_calls") == rights(database, role, "comet_locks") == "SELECT"
    database.execute(everything.format(sql.Identifier(role)))
    grant(database, role)
    written = "DELETE, INSERT, SELECT, UPDATE"
    assert [rights(database, role, name) for name in ("creators", "comet_calls", "comet_locks")] == [written] * 3
    assert rights(database, role, "comet_counts") == "SELECT"
    database.execute(everything.format(sql.Identifier(role)))
    set_up(database)
    assert rights(database, role, "comet_locks") == written


def test_role_keeps_the_rights_that_a_policy_of_its_own_needs(database: psycopg.Connection[Row], role: str) -> None:
    set_up(database)
    database.execute(
        sql.SQL(
            """
            grant all on creators, comet_calls to {0};
            create policy "correct names" on creators for update to {0} using (true);
            create policy "read calls" on comet_calls for select to {0} using (true);
            """
        )
        .format(sql.Identifier(role))
        .as_string()
        .encode()
    )
    set_up(database)
    assert rights(database, role, "creators") == "DELETE, INSERT, SELECT, UPDATE"
    assert rights(database, role, "comet_calls") == "SELECT"


@pytest.mark.parametrize("make", [lambda _: None, make_original], ids=["fresh", "original"])
def test_role_can_run_the_steps_and_nothing_else(
    database: psycopg.Connection[Row], role: str, make: Callable[[psycopg.Connection[Row]], None]
) -> None:
    make(database)
    set_up(database)
    database.execute("create table diary (line text); insert into diary values ('dear diary')")
    database.execute(sql.SQL("grant truncate, references on creators to {}").format(sql.Identifier(role)))
    grant(database, role)
    grant(database, role)
    set_role(database, role)
    facts = Facts(database)
    facts.land_page(Video("71", "v1"))
    facts.land_profile(Profile("71", 20_000))
    facts.run()
    assert facts.rows("select follower_count from creator_stats where user_id = '71'") == [(20_000,)]
    as_database(database).require_schema()
    for statement in (
        "select * from diary",
        "create table mine (id integer)",
        "drop table comet_calls",
        "alter table creators add column mine text",
        "truncate comet_calls",
        "update comet_schema set version = 99",
        f'drop policy "comets {role}" on creators',
        "alter table creators disable row level security",
        "create view mine as select 1",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            database.execute(statement.encode())


@pytest.mark.parametrize("was_writer", [False, True], ids=["new role", "former role of the Dags"])
def test_read_only_role_reads_all_tables_and_changes_none(
    database: psycopg.Connection[Row], role: str, was_writer: bool
) -> None:
    make_original(database)
    set_up(database)
    facts = Facts(database)
    facts.land_page(Video("71", "v1"))
    facts.land_profile(Profile("71", 20_000))
    facts.run()
    relations = database.execute(RELATIONS.encode()).fetchall()
    before = {name: database.execute(f"select count(*) from {name}".encode()).fetchone() for name, _ in relations}
    if was_writer:
        grant(database, role)
    grant(database, role, is_read_only=True)
    grant(database, role, is_read_only=True)
    set_role(database, role)
    as_database(database).require_schema(is_read_only=True)
    database.row_factory = tuple_row
    for name, kind in relations:
        if kind == "S":
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                database.execute(f"select nextval('{name}')".encode())
            continue
        assert database.execute(f"select count(*) from {name}".encode()).fetchone() == before[name], name
        for statement in (
            "delete from {}",
            "insert into {} default values",
            "truncate {}",
        ):
            with pytest.raises(REFUSALS):
                database.execute(statement.format(name).encode())
    with pytest.raises(DatabaseError, match=r"lacks rights.*delete on comet_calls.*grant_role.sql"):
        as_database(database).require_schema()


def test_role_of_the_page_becomes_one_of_the_dags(database: psycopg.Connection[Row], role: str) -> None:
    set_up(database)
    grant(database, role, is_read_only=True)
    grant(database, role)
    set_role(database, role)
    as_database(database).require_schema()
    assert database.execute("insert into creators (user_id) values ('71') returning user_id").fetchone()


def test_settings_of_the_session_choose_the_role(database: psycopg.Connection[Row], role: str) -> None:
    set_up(database)
    database.execute(
        "select set_config('comets.role', %s, false), set_config('comets.read_only', 'true', false)", [role]
    )
    database.execute(GRANT_FILE.read_bytes())
    set_role(database, role)
    as_database(database).require_schema(is_read_only=True)


def test_missing_right_to_read_names_the_read_only_grant(database: psycopg.Connection[Row], role: str) -> None:
    set_up(database)
    grant(database, role, is_read_only=True)
    database.execute(sql.SQL("revoke select on comet_runs from {}").format(sql.Identifier(role)))
    set_role(database, role)
    with pytest.raises(DatabaseError, match=r"lacks rights on the Comet tables: select on comet_runs\..*is_read_only"):
        as_database(database).require_schema(is_read_only=True)


def test_missing_rights_name_the_file_to_run(database: psycopg.Connection[Row], role: str) -> None:
    set_up(database)
    set_role(database, role)
    with pytest.raises(DatabaseError, match=f"`{role}`.*a policy on comet_calls.*grant_role.sql"):
        as_database(database).require_schema()


@pytest.mark.parametrize(
    ("loss", "named"),
    [
        ('drop policy "comets {role}" on comet_pages', "a policy on comet_pages"),
        ('revoke update on comet_calls from "{role}"', "update on comet_calls"),
        ('revoke usage on schema public from "{role}", public', "usage on the schema public"),
        ('revoke usage on sequence creator_stats_id_seq from "{role}"', "the sequence creator_stats_id_seq"),
        ("create table comet_added_later (id integer)", "insert on comet_added_later"),
    ],
)
def test_missing_right_is_named(database: psycopg.Connection[Row], role: str, loss: str, named: str) -> None:
    make_original(database)
    set_up(database)
    grant(database, role)
    database.execute(loss.format(role=role).encode())
    set_role(database, role)
    with pytest.raises(DatabaseError, match=f"{named}.*grant_role.sql"):
        as_database(database).require_schema()


def test_missing_tables_name_the_schema_file(database: psycopg.Connection[Row], role: str) -> None:
    set_role(database, role)
    with pytest.raises(DatabaseError, match=r"has no Comet tables yet.*setup_database\.sql"):
        as_database(database).require_schema()


def test_grant_file_in_psql_reports_what_is_missing(new_database: Callable[[], str]) -> None:
    url = new_database()

    def run(file: object) -> str:
        command = [str(find_binaries() / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", str(file), url]
        return subprocess.run(command, check=False, capture_output=True, text=True).stderr

    assert 'There is no role "comets_app"' in run(GRANT_FILE)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create role comets_app")
        try:
            assert "Run setup_database.sql first" in run(GRANT_FILE)
            assert run(SCHEMA_FILE) == run(GRANT_FILE) == run(GRANT_FILE) == run(SCHEMA_FILE) == ""
        finally:
            connection.execute("drop owned by comets_app; drop role comets_app")
