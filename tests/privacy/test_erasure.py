"""Erasure deletes every row of one creator and none of the others, and blocks it from discovery."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from comets.errors import (
    AmbiguousCreatorError,
    DatabaseError,
    ErasureLimitError,
    ParamsError,
    UnconfirmedErasureError,
    UnknownCreatorError,
)
from comets.privacy.erasure import drop_erased_authors, erase_creator, erase_linked_ids, erased_ids
from comets.privacy.traces import find_in_files, find_in_tables, pattern_of
from comets.tikhub.models import VideoPage
from comets.tikhub.parsing import parse_video_page
from tests.database.test_setup import set_up
from tests.privacy.erasing import (
    HANDLE,
    LONGER_UID,
    NICKNAME,
    OLD_HANDLE,
    OTHER,
    SEC_UID,
    TRACES,
    UID,
    fill,
    miscounted_pages,
    opened,
    tables_with,
)
from tests.steps.builders import SQL_FOLDER, Facts, Profile, Row, Video, day, everything

ANONYMOUS_TABLES = {
    "comet_erased_ids",
    "comet_pages",
    "comet_dates",
    "comet_runs",
    "comet_searches",
}

Erase = Callable[..., dict[str, int]]


@pytest.fixture
def erase(creators_url: str, facts: Facts) -> Erase:
    """Return a function that erases a creator as the Dag does."""

    def run(creator: object, run_id: str = "erasing run") -> dict[str, int]:
        with opened(creators_url) as database:
            return dict(erase_creator(database, creator, run_id).counts)

    return run


def blocked(url: str, *identities: str) -> set[str]:
    """Return which identities are blocked from discovery."""
    with opened(url) as database:
        return set(erased_ids(database, identities))


class TestConfirmation:
    @pytest.mark.parametrize(
        "creator", [f"@{HANDLE}", OLD_HANDLE, SEC_UID, UID], ids=["handle", "former", "sec", "uid"]
    )
    @pytest.mark.parametrize("confirmation", ["", OTHER, HANDLE])
    def test_another_uid_erases_nothing_and_the_error_has_the_right_one(
        self, facts: Facts, creators_url: str, creator: str, confirmation: str
    ) -> None:
        fill(facts)
        before = everything(facts.connection)
        with opened(creators_url) as database:
            with pytest.raises(
                UnconfirmedErasureError, match=rf"leads to the uid {UID} \(.*2 snapshots, 21,000"
            ) as caught:
                erase_creator(database, creator, "run", confirm_uid=confirmation)
            assert everything(facts.connection) == before
            assert HANDLE not in str(caught.value)
            assert OLD_HANDLE not in str(caught.value)
            erasure = erase_creator(database, creator, "run", confirm_uid=UID)
            assert erasure.names == {UID, SEC_UID, HANDLE, OLD_HANDLE}
            assert erase_creator(database, creator, "run", confirm_uid=UID).names <= {UID, SEC_UID}

    def test_unknown_id_is_confirmed_by_itself(self, creators_url: str) -> None:
        with opened(creators_url) as database:
            for identity in ("4711", "MS4wLjABunknown"):
                with pytest.raises(UnconfirmedErasureError, match="in no snapshot"):
                    erase_creator(database, identity, identity, confirm_uid="")
                erase_creator(database, identity, identity, confirm_uid=f" {identity} ")
        assert blocked(creators_url, "4711", "MS4wLjABunknown") == {"4711", "MS4wLjABunknown"}


class TestDailyLimit:
    def test_limit_counts_runs_of_the_last_day_and_erases_nothing_beyond_it(
        self, facts: Facts, creators_url: str
    ) -> None:
        fill(facts)
        with opened(creators_url) as database:
            erase_creator(database, "1", "first", max_per_day=2)
            erase_creator(database, "2", "second", max_per_day=2)
            erase_linked_ids(database, ["3"], "second day")
            erase_creator(database, "2", "second", max_per_day=2)
            before = everything(facts.connection)
            with pytest.raises(ErasureLimitError, match="2 creators were erased"):
                erase_creator(database, UID, "third", max_per_day=2)
            assert everything(facts.connection) == before
            facts.connection.execute("update comet_erased_ids set erased_at = erased_at - interval '1 day'")
            assert erase_creator(database, UID, "third", max_per_day=2).counts["creators"] == 1


class TestTraces:
    def test_caption_of_another_creator_is_found_in_its_table(self, facts: Facts, creators_url: str) -> None:
        fill(facts)
        facts.connection.execute(
            "update comet_videos set caption = %s where user_id = %s", [f"with @{HANDLE.upper()}, hi", OTHER]
        )
        with opened(creators_url) as database:
            erasure = erase_creator(database, UID, "run")
            assert find_in_tables(database, pattern_of(erasure.names)) == {"comet_videos": 2}

    @pytest.mark.parametrize(
        "text", ["erased.nowhere", "un-erased.now", "erased.now.official", f"1{UID}", "erasedxnow"]
    )
    def test_longer_name_is_no_trace(self, text: str) -> None:
        pattern = pattern_of([UID, SEC_UID, HANDLE])
        assert re.search(pattern, f"x {text} y", re.IGNORECASE) is None
        for name in (UID, SEC_UID, HANDLE.upper()):
            assert re.search(pattern, f"(@{name})", re.IGNORECASE)

    def test_every_table_is_searched(self, facts: Facts) -> None:
        text = (SQL_FOLDER / "privacy" / "find_traces.sql").read_text(encoding="utf-8")
        tables = facts.rows("select tablename from pg_tables where schemaname = 'public'")
        assert sorted(re.findall(r"from (\w+) as row_text", text)) == sorted(name for (name,) in tables)

    def test_log_files_with_a_name_are_found(self, tmp_path: Path) -> None:
        for name, line in (("a.log", f"@{HANDLE} (refused)"), ("b.log.1", UID), ("c.log", "nothing"), ("d.txt", UID)):
            (tmp_path / name).write_text(f"first\n{line}\n", encoding="utf-8")
        assert find_in_files(tmp_path, pattern_of([HANDLE, UID])) == [tmp_path / "a.log", tmp_path / "b.log.1"]


class TestErasure:
    @pytest.mark.parametrize(
        "creator", [f"@{HANDLE.upper()}", OLD_HANDLE, UID, f" {SEC_UID} "], ids=lambda value: value.strip()[:12]
    )
    def test_removes_the_creator_from_every_table(
        self, facts: Facts, erase: Erase, creators_url: str, creator: str
    ) -> None:
        fill(facts)
        tables = {table for table, _, _ in everything(facts.connection)}
        assert tables_with(facts.connection, *TRACES) == tables - ANONYMOUS_TABLES
        assert miscounted_pages(facts) == []
        assert set(erase(creator)) == tables - ANONYMOUS_TABLES
        assert tables_with(facts.connection, *TRACES) == set()
        assert miscounted_pages(facts) == []
        assert blocked(creators_url, UID, SEC_UID, OTHER, LONGER_UID) == {UID, SEC_UID}

    def test_keeps_the_rows_of_other_creators(self, facts: Facts, erase: Erase) -> None:
        fill(facts)
        before = [row for row in everything(facts.connection) if not named(row)]
        erase(UID)
        after = everything(facts.connection)
        recounted = {"comet_pages", "comet_calls", "comet_erased_ids"}
        assert [row for row in after if row[0] not in recounted] == [row for row in before if row[0] not in recounted]
        assert facts.rows("select received_count, landed_count, rejected_count from comet_pages order by page_id") == [
            (2, 2, 0),
            (3, 2, 1),
        ]

    def test_keeps_calls_without_the_account(self, facts: Facts, erase: Erase) -> None:
        fill(facts)
        query = "select call_id, route, hashtag, status_code, is_billed, reserved_at from comet_calls order by 1"
        before = facts.rows(query)
        erase(UID)
        assert facts.rows(query) == before
        assert facts.rows("select user_id, error from comet_calls order by call_id") == [
            ("erased", None),
            (OTHER, "no answer"),
            (None, None),
        ]

    def test_repeated_runs_do_not_restore_the_creator(self, facts: Facts, erase: Erase) -> None:
        fill(facts)
        erase(UID)
        before = everything(facts.connection)
        for run_id in ("first day", "second day"):
            facts.run_again(run_id)
        changed = [row for row in everything(facts.connection) if row not in before]
        assert {table for table, _, _ in changed} <= {"comet_run_discoveries", "comet_scores"}
        assert tables_with(facts.connection, *TRACES) == set()

    def test_repeated_erasure_changes_nothing(self, facts: Facts, erase: Erase) -> None:
        fill(facts)
        erase(HANDLE)
        before = everything(facts.connection)
        assert erase(HANDLE) == {}
        assert erase(UID, "another run") == {}
        assert erase(SEC_UID, "another run") == {}
        assert everything(facts.connection) == before

    def test_of_a_creator_keyed_by_sec_uid(self, facts: Facts, erase: Erase) -> None:
        facts.connection.execute("insert into creators (user_id, handle) values (%s, %s)", [SEC_UID, HANDLE])
        facts.land_page(Video(UID, sec_uid=SEC_UID))
        assert erase(UID) == {"creators": 1, "comet_videos": 1}
        assert tables_with(facts.connection, *TRACES) == set()

    def test_of_an_unknown_id_blocks_it(self, erase: Erase, creators_url: str) -> None:
        assert erase(UID) == {}
        assert erase(SEC_UID) == {}
        assert blocked(creators_url, UID, SEC_UID, OTHER) == {UID, SEC_UID}


class TestIdentification:
    def test_unknown_handle_is_an_error_that_requests_the_uid(self, facts: Facts, erase: Erase) -> None:
        fill(facts)
        before = everything(facts.connection)
        with pytest.raises(UnknownCreatorError, match="give the uid") as raised:
            erase("@not.there")
        assert "not.there" not in str(raised.value)
        assert everything(facts.connection) == before

    def test_handle_with_two_owners_is_an_error(self, facts: Facts, erase: Erase) -> None:
        fill(facts)
        facts.land_page(Video(OTHER, "v9", handle=OLD_HANDLE), recorded_date=day(2))
        facts.run(day(2))
        before = everything(facts.connection)
        with pytest.raises(AmbiguousCreatorError, match=r"matches 2 creators.*give its uid"):
            erase(OLD_HANDLE)
        assert everything(facts.connection) == before
        erase(UID)
        assert facts.rows("select user_id from creators where handle = %s", OLD_HANDLE) == [(OTHER,)]

    def test_handles_of_untracked_authors_match(self, facts: Facts, erase: Erase) -> None:
        facts.land_page(Video("71", handle="same", follower_count=5), Video("72", "v2", handle="same"))
        with pytest.raises(AmbiguousCreatorError):
            erase("same")

    def test_number_is_a_uid_unless_it_has_an_at_sign(self, facts: Facts, erase: Erase) -> None:
        facts.land_page(Video("71", handle="72"), Video("73", "v2", handle="74"))
        with pytest.raises(AmbiguousCreatorError, match='Put "@" before it'):
            erase("72")
        erase("@72")
        assert facts.rows("select user_id from comet_videos") == [("73",)]

    def test_sec_uid_of_two_uids_is_an_error(self, facts: Facts, erase: Erase) -> None:
        facts.land_page(Video("71", sec_uid=SEC_UID), Video("72", "v2", sec_uid=SEC_UID))
        with pytest.raises(AmbiguousCreatorError):
            erase(SEC_UID)
        erase("71")
        assert facts.rows("select user_id, sec_uid from comet_videos") == [("72", SEC_UID)]

    @pytest.mark.parametrize("creator", ["", "  ", "@", "@ ", "0", None, "x" * 300])
    def test_empty_or_invalid_creator_is_an_error(self, erase: Erase, creator: object) -> None:
        with pytest.raises(ParamsError, match="give a handle, a uid or a sec_uid"):
            erase(creator)


class TestErasedIds:
    def test_are_salted_hashes(self, facts: Facts, erase: Erase) -> None:
        fill(facts)
        erase(UID)
        hashes = {identity_hash for (identity_hash,) in facts.rows("select identity_hash from comet_erased_ids")}
        ((salt,),) = facts.rows("select salt from comet_schema")
        assert hashes == {hashlib.sha256(f"{salt} {identity}".encode()).hexdigest() for identity in (UID, SEC_UID)}

    def test_missing_salt_stops_the_erasure(self, facts: Facts, erase: Erase) -> None:
        fill(facts)
        ((version, salt),) = facts.rows("delete from comet_schema returning version, salt")
        try:
            with pytest.raises(DatabaseError, match="comet_schema"):
                erase(UID)
            assert facts.rows("select 1 from creators where user_id = %s", UID) == [(1,)]
        finally:
            facts.rows("insert into comet_schema values (%s, %s) returning salt", version, salt)


class TestLanding:
    def test_page_keeps_its_counts_and_drops_the_creator(self, erase: Erase, creators_url: str) -> None:
        erase(UID)
        erase(SEC_UID)
        page = page_of(
            {"aweme_info": {"aweme_id": "1", "author": {"uid": UID, "unique_id": HANDLE, "nickname": NICKNAME}}},
            {"aweme_info": {"aweme_id": "2", "author": {"uid": OTHER}}},
            {"aweme_info": {"aweme_id": "3", "author": {"uid": "73", "sec_uid": SEC_UID}}},
            {"aweme_info": {"author": {"uid": int(UID)}}},
            {"aweme_info": {"desc": f"a link\n{UID}", "aweme_id": "4"}},
            {"aweme_info": {"author": {"uid": LONGER_UID}}},
        )
        with opened(creators_url) as database:
            kept, linked_ids = drop_erased_authors(database, page)
        assert [video.video_id for video in kept.videos] == ["2"]
        assert sorted((item.item_position, item.reason, item.raw_json is None) for item in kept.rejected) == [
            (0, "author_erased", True),
            (2, "author_erased", True),
            (3, "no_video_id", True),
            (4, "no_author_id", True),
            (5, "no_video_id", False),
        ]
        assert kept.received_count == len(kept.videos) + len(kept.rejected)
        assert linked_ids == {"73"}

    def test_page_without_erased_authors_is_unchanged(self, erase: Erase, creators_url: str) -> None:
        erase(UID)
        page = page_of({"aweme_info": {"aweme_id": "2", "author": {"uid": OTHER}}}, {})
        with opened(creators_url) as database:
            assert drop_erased_authors(database, page) == (page, frozenset())

    def test_id_linked_by_a_page_is_erased_too(self, facts: Facts, erase: Erase, creators_url: str) -> None:
        facts.connection.execute("insert into creators (user_id) values (%s)", [SEC_UID])
        erase(UID)
        with opened(creators_url) as database:
            erase_linked_ids(database, {SEC_UID}, "a run")
        assert facts.rows("select user_id from creators") == []
        assert blocked(creators_url, SEC_UID) == {SEC_UID}

    def test_sec_uid_of_another_creator_is_not_erased(self, facts: Facts, erase: Erase, creators_url: str) -> None:
        facts.land_profile(Profile(OTHER, 20_000, sec_uid=SEC_UID))
        with opened(creators_url) as database:
            erase_linked_ids(database, {SEC_UID}, "a run")
        assert blocked(creators_url, SEC_UID, OTHER) == set()
        assert facts.rows("select user_id from comet_profiles") == [(OTHER,)]


def page_of(*cards: object) -> VideoPage:
    """Return a parsed page of a search."""
    data = {"search_item_list": json.loads(json.dumps(cards))}
    return parse_video_page(data, offset=0, observed_at=datetime(2026, 3, 1, tzinfo=UTC))


def named(row: Row) -> bool:
    """Return whether a row of `everything` names the erased creator."""
    return any(trace in row[1].replace(LONGER_UID, "") for trace in TRACES)


def test_two_databases_store_different_hashes_of_the_same_creator(new_database: Callable[[], str]) -> None:
    hashes = set()
    for _ in range(2):
        url = new_database()
        with psycopg.connect(url, autocommit=True) as connection:
            set_up(connection)
            with opened(url) as database:
                erase_creator(database, UID, "a run")
            hashes.update(connection.execute("select identity_hash from comet_erased_ids").fetchall())
    assert len(hashes) == 2
