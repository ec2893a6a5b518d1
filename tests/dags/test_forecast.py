"""The cost forecast of a run."""

from __future__ import annotations

from comets.params import trigger_form
from comets.runs.acceptance import Forecast
from comets.settings import Budget, Settings
from tests.dags.worlds import World, cast, page_of


def test_forecast_is_capped_by_the_budget() -> None:
    assert str(Forecast(15, 49, 0.001, 2_000)) == ("15 searches and 49 profiles, about 0.06 USD, at most 2.00 USD")
    assert "about 2.00 USD" in str(Forecast(15, 49_000, 0.001, 2_000))


def test_accept_run_logs_the_forecast(world: World) -> None:
    assert "Forecast: 2 searches and 0 profiles" in world.run("2026-03-01", page_of(*cast(3)), pages_per_hashtag=2).log
    world.rows("update creators set status = 'missing' where user_id = (select min(user_id) from creators) returning 1")
    second = world.run("2026-03-02", page_of(*cast(3)), pages_per_hashtag=2, max_api_calls=50)
    assert "Forecast: 2 searches and 2 profiles, about 0.00 USD, at most 0.05 USD" in second.log


def test_trigger_form_states_the_cost_of_its_defaults() -> None:
    settings = Settings(hashtags=["one", "two"], budget=Budget(max_api_calls=500, price_per_call_usd=0.002))
    description = trigger_form(settings)["max_api_calls"].description
    assert description
    assert "10 searches and one profile per tracked creator, at 0.002 USD per call, at most 1.00 USD" in (description)
