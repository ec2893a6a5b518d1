from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from comets.params import parse_params, trigger_form
from comets.settings import DEFAULT_SETTINGS_FILE, Pace, SettingsError, load_settings, settings


def test_default_settings_are_valid_params() -> None:
    project = load_settings(DEFAULT_SETTINGS_FILE)
    params = parse_params({name: param.resolve() for name, param in trigger_form(project).items()})
    assert (params.min_followers, params.max_followers, params.min_video_views) == (10_000, 100_000, 50_000)
    assert (params.hashtags, params.refresh) == (["streetinterviews", "cozygaming", "gymtok"], False)
    assert params.model_dump(include=set(type(project.search).model_fields)) == project.search.model_dump(
        include=set(type(params).model_fields)
    )
    assert params.max_api_calls == project.budget.max_api_calls


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("hashtags: [a]\ncriteria: {min_follower: 1}", "min_follower"),
        ("hashtags: [a]\ntimezone: Mars/Olympus", "Mars/Olympus"),
        ("hashtags: [a]\nsearch: {page_size: '20'}", "page_size"),
        ("hashtags: [a]\nscore: {weights: {growt: 1}}", "growt"),
        ("hashtags: [a]\nscore: {weights: {growth: .nan}}", "growth"),
        (
            "hashtags: [a]\nscore: {weights: {growth: 0, acceleration: 0, engagement: 0, reach: 0, breakout: 0}}",
            "every weight is 0",
        ),
        ("hashtags: [a", "can't be read"),
    ],
)
def test_invalid_settings_file_is_named_with_the_value(tmp_path: Path, text: str, names: str) -> None:
    path = tmp_path / "comets.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=names) as raised:
        load_settings(path)
    assert str(path) in str(raised.value)


@pytest.fixture
def fresh_settings() -> Iterator[None]:
    """Read the settings again, for this test and for those after it."""
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.mark.usefixtures("fresh_settings")
@pytest.mark.parametrize(("text", "rate"), [("2.5", 2.5), ("", 1.0)])
def test_environment_overrides_the_pace_of_the_file(monkeypatch: pytest.MonkeyPatch, text: str, rate: float) -> None:
    monkeypatch.setenv("COMETS_SETTINGS_FILE", str(DEFAULT_SETTINGS_FILE))
    monkeypatch.setenv("COMETS_REQUESTS_PER_SECOND", text)
    assert settings() == load_settings(DEFAULT_SETTINGS_FILE).model_copy(
        update={"pace": Pace(requests_per_second=rate)}
    )


@pytest.mark.usefixtures("fresh_settings")
@pytest.mark.parametrize("text", ["0", "1001", "fast", "nan"])
def test_invalid_pace_in_the_environment_is_named_with_the_value(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("COMETS_REQUESTS_PER_SECOND", text)
    with pytest.raises(SettingsError, match=f"COMETS_REQUESTS_PER_SECOND is invalid: .*{text}"):
        settings()


def test_missing_settings_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"absent\.yaml"):
        load_settings(tmp_path / "absent.yaml")


@pytest.mark.parametrize("section", ["checks", "gates"])
def test_thresholds_are_read_under_the_present_and_the_former_name(tmp_path: Path, section: str) -> None:
    path = tmp_path / "comets.yaml"
    path.write_text(f"hashtags: [a]\n{section}: {{min_sample_count: 5}}")
    assert load_settings(path).checks.min_sample_count == 5
