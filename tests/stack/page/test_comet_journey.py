"""From Airflow's home to a Comet, its score breakdown, video and history, and the run that found it."""

from __future__ import annotations

import re
from urllib.parse import quote

from playwright.sync_api import BrowserContext, Page, expect

from comets.settings import DAG_ID
from tests.stack.page.browsing import MILLISECONDS, colour_count, number, open_comets, rows
from tests.stack.page.days import LAST, MISSED, MISSED_RUN_ID
from tests.stack.running_stack import RunningStack

ROUNDING_ERROR = 0.051
"""Points are rounded to one decimal."""

FASTEST = """
select score.user_id, creator.handle, score.daily_growth_followers
from comet_scores as score
join creators as creator using (user_id)
where score.recorded_date = %s and score.follower_count between 10000 and 100000
order by score.growth_rate desc nulls last, score.follower_count desc, score.user_id
limit 1
"""
TOP_VIDEO = """
select video_id from comet_discoveries where user_id = %s
group by video_id order by max(play_count) desc, video_id limit 1
"""


def test_three_clicks_open_the_fastest_comet_of_the_previous_date(context: BrowserContext, days: RunningStack) -> None:
    (fastest,) = days.rows(FASTEST, MISSED)
    airflow = context.new_page()
    airflow.goto("/")
    comets = open_comets(airflow)  # two clicks: Browse, Comets
    assert comets.main_frame.child_frames == []
    comets.get_by_role("link", name=f"Fastest creator on {MISSED}").click()

    expect(comets.get_by_role("heading", level=1)).to_contain_text(f"@{fastest['handle']}")
    expect(comets.get_by_text("#1 of").first).to_contain_text("Comets")
    parts = comets.get_by_role("region", name="Score breakdown").get_by_role("table")
    points = [number(part["Points"]) or 0 for part in rows(parts)]
    score = number(parts.locator("tfoot td").first.inner_text()) or 0
    assert len(points) == 5
    assert abs(sum(points) - score) <= (len(points) + 1) * ROUNDING_ERROR
    (top_video,) = days.rows(TOP_VIDEO, fastest["user_id"])
    video = comets.get_by_role("region", name="Qualifying videos").get_by_role("link", name="Watch").first
    address = f"https://www.tiktok.com/@{fastest['handle']}/video/{top_video['video_id']}"
    expect(video).to_have_attribute("href", address)
    expect(video).to_have_attribute("rel", re.compile("noopener noreferrer"))


def test_chart_of_a_creator_marks_estimates(page: Page) -> None:
    page.get_by_role("rowheader").get_by_role("link").first.click()
    chart = page.locator("canvas#chart")
    chart.scroll_into_view_if_needed()
    page.wait_for_function("() => Chart.getChart('chart') && !Chart.getChart('chart').animating", timeout=MILLISECONDS)
    drawn = page.evaluate("() => Chart.getChart('chart').data.datasets[0].data.map(point => point.y)")
    page.get_by_text("Show as table").click()
    table = rows(page.get_by_role("region", name="Follower history").get_by_role("table"))
    assert drawn == [number(day["Followers"]) for day in reversed(table)]
    assert {day["Date"]: day["Basis"] for day in table}[str(MISSED)] in ("estimated", "backdated")
    assert colour_count(chart) > 10
    colours = page.evaluate(
        "() => Chart.getChart('chart').getDatasetMeta(0).data.map(point => point.options.borderColor)"
    )
    assert len(set(colours)) == 2


def test_run_links_to_airflow(page: Page) -> None:
    page.get_by_role("navigation", name="Comets").get_by_role("link", name="Runs").click()
    table = page.get_by_role("region", name="Runs").get_by_role("table")
    shown = rows(table)
    assert {row["Date"] for row in shown} >= {str(LAST), str(MISSED)}
    table.get_by_role("link", name=MISSED_RUN_ID).click()
    page.wait_for_url(f"**/dags/{DAG_ID}/runs/{quote(MISSED_RUN_ID, safe='')}*")
    expect(page.get_by_text("Task Instances", exact=False).first).to_be_visible()
    expect(page.get_by_text(MISSED_RUN_ID).first).to_be_visible()


def test_tab_of_the_dag_shows_the_comets_of_its_latest_run(context: BrowserContext, days: RunningStack) -> None:
    page = context.new_page()
    page.goto(f"/dags/{DAG_ID}")
    page.get_by_role("link", name="Comets", exact=True).click()
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("heading", level=1)).to_have_text("Comets in the latest run")
    shown = rows(frame.get_by_role("region", name="Comets in the latest run").get_by_role("table"))
    found = days.rows(
        "select handle from comet_run_discoveries join creators using (user_id) join comet_runs using (run_id)"
        " where recorded_date = %s",
        LAST,
    )
    assert {row["Creator"].split()[0] for row in shown} == {f"@{row['handle']}" for row in found}
    frame.get_by_role("rowheader").get_by_role("link").first.click()
    expect(frame.get_by_role("heading", name="Score breakdown")).to_be_visible()
    # The frame blocks links that open a window or replace Airflow's page.
    assert frame.locator("a[target]").count() == 0
