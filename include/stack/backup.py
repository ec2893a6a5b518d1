"""`make backup` and `make restore`: both databases and the keys as one file.

TikTok has no history, so lost data cannot be fetched again.
"""

import json
import tomllib
from contextlib import ExitStack, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psycopg
from packaging.version import Version
from psycopg.rows import dict_row

from include.stack.archive import (
    CREATORS_DUMP,
    KEPT_COUNT,
    KEYS,
    METADATA_DUMP,
    Backup,
    BackupError,
    Manifest,
    draft_folder,
    keep_newest,
    new_path,
    read_archive,
    write_archive,
)
from include.stack.connections import ConnectionFormatError, database_connection
from include.stack.database import schema_file_version
from include.stack.dumps import (
    Place,
    connect,
    conninfo,
    dump,
    exists,
    fetch_value,
    fresh_copy,
    load,
    options_of,
    swap_in,
)
from include.stack.environment import COMETS_DATABASE, METADATA_VARIABLE, Environment, resolve
from include.stack.files import write_private
from include.stack.metadata import installed_revision
from include.stack.output import note, say
from include.stack.postgres import MAJOR_VERSION, EmbeddedPostgres
from include.stack.processes import exclusive_stack
from include.stack.project import PROJECT, SCHEMA_FILE

SCHEDULED, BEFORE_UPGRADE = "comets", "before-upgrade"
OWN_TABLES = """
    select format('%I.%I', class.relnamespace::regnamespace, class.relname)
    from pg_class as class
    where
        class.relnamespace = (select home.relnamespace from pg_class as home where home.oid = to_regclass('creators'))
        and class.relkind in ('r', 'p')
        and (class.relname in ('creators', 'creator_stats') or starts_with(class.relname, 'comet_'))
    order by class.relname
"""
COUNT_CREATORS = "select count(*) from creators"


@dataclass(frozen=True)
class Deployment:
    """What a backup covers.

    :param metadata: Airflow's database; None if it is no PostgreSQL, or only Airflow knows it
    :param keys: folder of the keys; None if they are kept elsewhere
    :param backups: folder of the backups that get no name, and of the files of a restore
    """

    creators: Place
    metadata: Place | None
    keys: Path | None
    backups: Path

    def key_files(self) -> dict[str, Path]:
        """Return the files of the keys by their names in a backup."""
        files = sorted(self.keys.iterdir()) if self.keys and self.keys.is_dir() else []
        return {f"{KEYS}{file.name}": file for file in files if file.is_file() and not file.name.startswith(".")}


def back_up(target: str, *, kept_count: int) -> None:
    """Write a backup; the stack may be running.

    :param target: path of the file, or an existing folder; by default the folder `backups` of the state
    :param kept_count: delete all but this many backups in the folder; 0: none
    :raises BackupError: there is nothing to back up, the file exists, or pg_dump fails.
    """
    environment = resolve()
    path = Path(target) if target else environment.state.backups
    if path.is_dir() or not target:
        path = new_path(path, SCHEDULED)
    elif kept_count:
        raise BackupError("KEEP= deletes old backups of a folder: use it without FILE=, or with FILE=FOLDER.")
    with embedded_server(environment):
        say(f"Saved {save(local_deployment(environment), path)} to {path}.")
    if kept_count:
        keep_newest(path.parent, SCHEDULED, kept_count)


def restore(source: str, *, is_forced: bool) -> None:
    """Replace databases and keys by those of a backup; the stack must not be running.

    :raises BackupError: the file is missing, invalid or of a newer version, or real creators exist and FORCE=1 is not
        set.
    """
    environment = resolve()
    if not source or not Path(source).is_file():
        raise BackupError("Choose an existing file: make restore FILE=comets-20260301-020000.tar")
    with (
        exclusive_stack(environment.state, "make restore", "it restores the databases"),
        embedded_server(environment),
    ):
        bring_back(local_deployment(environment), Path(source), is_forced=is_forced)
    # The next start migrates Airflow's database to the installed version.
    (environment.state.postgres / "airflow-ready").unlink(missing_ok=True)


def embedded_server(environment: Environment) -> EmbeddedPostgres | nullcontext[None]:
    """Return the embedded server if a database is in it."""
    return EmbeddedPostgres(environment.state.postgres) if environment.needs_embedded_postgres else nullcontext()


def local_deployment(environment: Environment) -> Deployment:
    """Return the databases of the local stack: real creators, not made-up ones."""
    server = EmbeddedPostgres(environment.state.postgres)
    admin = options_of_url(server.url())
    creators, metadata = "the creators' database", "Airflow's database"
    if environment.database_source is None:
        own = Place(creators, options_of_url(server.url(COMETS_DATABASE)), admin)
    else:
        own = Place(creators, options_of(environment.database), is_shared=True)
    url = environment.variables.get(METADATA_VARIABLE)
    airflow = None
    if url:
        with suppress(ConnectionFormatError):
            airflow = Place(metadata, options_of_url(url), None if environment.metadata_source else admin)
    return Deployment(own, airflow, environment.state.keys, environment.state.backups)


def options_of_url(url: str) -> dict[str, str]:
    """Return libpq's options of a PostgreSQL URL."""
    return options_of(json.loads(database_connection(url)))


def save(deployment: Deployment, path: Path) -> str:
    """Write a backup; return a description of it.

    :raises BackupError: there is nothing to back up, the file exists, or pg_dump fails.
    """
    if path.exists():
        raise BackupError(f"{path} already exists. Choose another name with FILE=")
    with draft_folder(path) as draft:
        files: dict[str, Path] = {}
        creators, metadata = deployment.creators, deployment.metadata
        count = tables_version = None
        tables = own_tables(creators)
        if tables:
            dump(creators, draft / CREATORS_DUMP, tables if creators.is_shared else ())
            files[CREATORS_DUMP] = draft / CREATORS_DUMP
            count, tables_version = creator_count(creators), version_of(creators)
        if metadata and has_table(metadata, "alembic_version"):
            dump(metadata, draft / METADATA_DUMP)
            files[METADATA_DUMP] = draft / METADATA_DUMP
        if not files:
            raise BackupError("Nothing to back up: there are no real creators yet.")
        manifest = Manifest(
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
            package_version=package_version(),
            tables_version=tables_version,
            airflow_version=version("apache-airflow"),
            postgres_major=MAJOR_VERSION,
            creator_count=count,
        )
        keys = deployment.key_files()
        write_archive(path, draft, manifest, {**files, **keys})
    if metadata is None:
        note("Airflow's database is not in the backup: its address is known to Airflow only. Use its host's backups.")
    parts = [
        f"{count:,} creators" if count is not None else "",
        "Airflow's database" if METADATA_DUMP in files else "",
        "the keys" if keys else "",
    ]
    *others, last = filter(None, parts)
    return f"{', '.join(others)} and {last}" if others else last


def bring_back(deployment: Deployment, path: Path, *, is_forced: bool) -> None:
    """Replace databases and keys by those of a backup. What is there stays until all of it is restored.

    :raises BackupError: the backup is invalid or newer, would replace real creators, or a database is in use.
    """
    with read_archive(path, deployment.backups) as backup, ExitStack() as copies:
        ensure_not_newer(backup)
        places = {CREATORS_DUMP: deployment.creators, METADATA_DUMP: deployment.metadata}
        chosen = {name: place for name, place in places.items() if place and name in backup.files}
        for place in chosen.values():
            ensure_replaceable(place, is_forced=is_forced)
        erased_count: int | None = 0
        swapped = [place for place in chosen.values() if place.admin]
        # The others are not replaced and have to be empty, so they come last.
        for name, place in sorted(chosen.items(), key=lambda item: item[1].admin is None):
            target = copies.enter_context(fresh_copy(place)) if place.admin else place
            load(backup.files[name], target)
            if name == CREATORS_DUMP:
                upgrade(target, path)
                erased_count = repeat_erasures(place, target) if place.admin else None
        if swapped:
            swap_in(swapped)
        if deployment.keys:
            for name, file in backup.keys.items():
                write_private(deployment.keys / name, file.read_text(encoding="utf-8"))
        restored = creator_count(deployment.creators) if CREATORS_DUMP in chosen else None
    say(f"Restored {restored or 0:,} creators from {path}.")
    if erased_count:
        say(f"Erased {erased_count:,} creators again that were erased after the backup.")
    if restored and erased_count is None:
        say(
            "Creators erased after the backup are back: repeat each erasure request since "
            f"{backup.manifest.made_at or 'then'} (docs/howto/backup.md)."
        )


def ensure_not_newer(backup: Backup) -> None:
    """Check that this package can read a backup.

    :raises BackupError: a newer version made it.
    """
    found = backup.manifest
    pairs = {
        "the tables": (found.tables_version, schema_file_version()),
        "PostgreSQL": (found.postgres_major, MAJOR_VERSION),
        "Airflow": (found.airflow_version, version("apache-airflow")),
    }
    for what, (theirs, ours) in pairs.items():
        if theirs is not None and Version(str(theirs)) > Version(str(ours)):
            raise BackupError(
                f"{backup.path} was made with version {theirs} of {what}; this package has {ours}, and nothing "
                "downgrades. Nothing was changed. Restore it with the version of the package that made it."
            )


def ensure_replaceable(place: Place, *, is_forced: bool) -> None:
    """Check that a restore destroys nothing against the user's will.

    :raises BackupError: it would.
    """
    if place.admin is None:
        if own_tables(place) or has_table(place, "alembic_version"):
            raise BackupError(
                f'The database "{place.name}" ({place.label}) has tables already, and a database of your own is never '
                "replaced. Create an empty one, put it into the settings, and restore again."
            )
        return
    count = creator_count(place)
    if count and not is_forced:
        raise BackupError(f"{count:,} real creators would be lost. Run `make backup` first, then use FORCE=1.")


def upgrade(place: Place, path: Path) -> None:
    """Upgrade restored tables to the version of this package.

    :raises BackupError: they are newer, or the schema file fails.
    """
    found = version_of(place)
    if found is not None and found > schema_file_version():
        raise BackupError(f"{path} has version {found} of the tables; this package has {schema_file_version()}.")
    with connect(place.options) as connection:
        try:
            connection.execute(SCHEMA_FILE.read_bytes())
        except psycopg.Error as error:
            raise BackupError(f"The tables of {path} can't be upgraded: {str(error).strip()}") from None


def repeat_erasures(old: Place, new: Place) -> int | None:
    """Erase creators again that are erased in a database which a backup replaces.

    :return: the number of erased creators; None if the backup is not of that database, so its hashes mean nothing
    """
    from comets.database.client import Database
    from comets.privacy.erasure import erase_linked_ids

    salt = "select salt from comet_schema"
    if not has_table(old, "comet_erased_ids") or fetch_value(old, salt) != fetch_value(new, salt):
        return None
    count = creator_count(new) or 0
    with connect(old.options) as source, connect(new.options) as target:
        rows = source.execute("select identity_hash, erased_at, run_id from comet_erased_ids").fetchall()
        target.cursor().executemany(
            "insert into comet_erased_ids (identity_hash, erased_at, run_id) values (%s, %s, %s) "
            "on conflict do nothing",
            rows,
        )
    with psycopg.connect(conninfo(new.options), autocommit=True, row_factory=dict_row) as connection:
        database = Database(connection)
        found = database.fetch_all("privacy/find_present_erased_ids")
        erase_linked_ids(database, [row["identity"] for row in found], f"restore__{datetime.now(UTC).isoformat()}")
    return count - (creator_count(new) or 0)


def back_up_before_upgrade(deployment: Deployment, *, upgrades_tables: bool, migrates_airflow: bool) -> None:
    """Write a backup if real creators are there and a newer version is about to change the databases.

    :raises BackupError: it fails; nothing was changed.
    """
    reasons = []
    if upgrades_tables and is_older(deployment.creators):
        reasons.append("the tables")
    if migrates_airflow and deployment.metadata and needs_migration(deployment.metadata):
        reasons.append("Airflow's database")
    if not reasons or not creator_count(deployment.creators):
        return
    path = new_path(deployment.backups, BEFORE_UPGRADE)
    try:
        saved = save(deployment, path)
    except BackupError as error:
        raise BackupError(
            f"The upgrade of {' and '.join(reasons)} was not begun, because the backup before it failed: {error} After "
            "a backup of your own, `psql -f include/sql/setup_database.sql` upgrades the tables without one."
        ) from None
    keep_newest(deployment.backups, BEFORE_UPGRADE, KEPT_COUNT)
    note(f"Before the upgrade of {' and '.join(reasons)}: saved {saved} to {path}.")


def is_older(creators: Place) -> bool:
    """Return whether tables exist in an older version, or that of the original script, and the login owns them."""
    if not own_tables(creators):
        return False
    found = version_of(creators)
    query = "select pg_has_role(relowner, 'USAGE') from pg_class where oid = to_regclass('creators')"
    return (found is None or found < schema_file_version()) and bool(fetch_value(creators, query))


def needs_migration(metadata: Place) -> bool:
    """Return whether Airflow's database exists in another revision than that of the installed Airflow."""
    if not has_table(metadata, "alembic_version"):
        return False
    return bool(fetch_value(metadata, "select version_num from alembic_version") != installed_revision())


def own_tables(place: Place) -> list[str]:
    """Return the package's tables in a database; none if it does not exist."""
    if not exists(place):
        return []
    with connect(place.options) as connection:
        return [name for (name,) in connection.execute(OWN_TABLES)]


def has_table(place: Place, name: str) -> bool:
    """Return whether a database exists and has a table."""
    return exists(place) and bool(fetch_value(place, f"select to_regclass('{name}') is not null"))


def creator_count(place: Place) -> int | None:
    """Return the number of creators in a database; None without the table."""
    return int(fetch_value(place, COUNT_CREATORS)) if has_table(place, "creators") else None


def version_of(place: Place) -> int | None:
    """Return the version of the tables in a database; None for those of the original script."""
    return int(fetch_value(place, "select version from comet_schema")) if has_table(place, "comet_schema") else None


def package_version() -> str | None:
    """Return the version of the package; None in a container, which has no pyproject.toml."""
    file = PROJECT / "pyproject.toml"
    return str(tomllib.loads(file.read_text(encoding="utf-8"))["project"]["version"]) if file.exists() else None
