from __future__ import annotations

from pathlib import Path

import pytest

from comets.form import trigger_form
from comets.run import parse_params
from comets.settings import DEFAULT_SETTINGS_FILE, SettingsError, load_settings


def test_the_projects_own_settings_make_a_run_that_is_accepted() -> None:
    form = trigger_form(load_settings(DEFAULT_SETTINGS_FILE))
    params = parse_params({name: param.resolve() for name, param in form.items()})
    assert params.hashtags == ["streetinterviews", "cozygaming", "gymtok"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("hashtags: []", "hashtags"),
        ("hashtags: [a]\ncriteria: {min_follower: 1}", "min_follower"),
        ("hashtags: [a]\ntimezone: Mars/Olympus", "Mars/Olympus"),
        ("hashtags: [a]\nsearch: {page_size: '20'}", "page_size"),
        ("hashtags: [a", "can't be read"),
    ],
)
def test_a_wrong_settings_file_is_refused_with_its_name_and_the_value(tmp_path: Path, text: str, names: str) -> None:
    path = tmp_path / "comets.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=names) as refusal:
        load_settings(path)
    assert str(path) in str(refusal.value)


def test_a_missing_settings_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"absent\.yaml"):
        load_settings(tmp_path / "absent.yaml")
