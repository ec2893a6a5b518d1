"""From Airflow's home to a Comet, why it ranks where it does, its video, its history, and the run that found it."""

from __future__ import annotations

import re
from urllib.parse import quote

from playwright.sync_api import BrowserContext, Page, expect

from comets.settings import DAG_ID
from tests.stack.page.browsing import MILLISECONDS, colour_count, number, open_comets, rows
from tests.stack.page.days import LAST, MISSED, MISSED_RUN_ID
from tests.stack.running_stack import RunningStack

# Figures of a score are rounded to one digit.
HALF_A_DIGIT = 0.051

FASTEST = """
select score.user_id, creator.handle, score.daily_growth_followers
from comet_scores as score
join creators as creator using (user_id)
where score.recorded_date = %s and score.follower_count between 10000 and 100000
order by score.growth_rate desc nulls last, score.follower_count desc, score.user_id
limit 1
"""
PROOF = """
select video_id from comet_discoveries where user_id = %s
group by video_id order by max(play_count) desc, video_id limit 1
"""


def test_three_clicks_lead_to_the_fastest_comet_of_the_day_before(context: BrowserContext, days: RunningStack) -> None:
    (fastest,) = days.rows(FASTEST, MISSED)
    airflow = context.new_page()
    airflow.goto("/")
    comets = open_comets(airflow)  # the first two: Browse, Comets
    assert comets.main_frame.child_frames == []
    comets.get_by_role("link", name=f"Fastest of {MISSED}").click()

    expect(comets.get_by_role("heading", level=1)).to_contain_text(f"@{fastest['handle']}")
    expect(comets.get_by_text("No. 1 of").first).to_contain_text("Comets")
    parts = comets.get_by_role("region", name="Parts of the score").get_by_role("table")
    points = [number(part["Points"]) or 0 for part in rows(parts)]
    score = number(parts.locator("tfoot td").first.inner_text()) or 0
    assert len(points) == 5
    assert abs(sum(points) - score) <= len(points) * HALF_A_DIGIT + HALF_A_DIGIT
    (proof,) = days.rows(PROOF, fastest["user_id"])
    video = comets.get_by_role("region", name="Videos that proved it").get_by_role("link", name="Watch").first
    address = f"https://www.tiktok.com/@{fastest['handle']}/video/{proof['video_id']}"
    expect(video).to_have_attribute("href", address)
    expect(video).to_have_attribute("rel", re.compile("noopener noreferrer"))


def test_chart_of_a_creator_marks_estimates(page: Page) -> None:
    page.get_by_role("rowheader").get_by_role("link").first.click()
    chart = page.locator("canvas#chart")
    chart.scroll_into_view_if_needed()
    page.wait_for_function("() => Chart.getChart('chart') && !Chart.getChart('chart').animating", timeout=MILLISECONDS)
    drawn = page.evaluate("() => Chart.getChart('chart').data.datasets[0].data.map(point => point.y)")
    page.get_by_text("Days as a table").click()
    table = rows(page.get_by_role("region", name="Days").get_by_role("table"))
    assert drawn == [number(day["Followers"]) for day in reversed(table)]
    assert {day["Date"]: day["Known as"] for day in table}[str(MISSED)] in ("estimated", "backdated")
    assert colour_count(chart) > 10
    colours = page.evaluate(
        "() => Chart.getChart('chart').getDatasetMeta(0).data.map(point => point.options.borderColor)"
    )
    assert len(set(colours)) == 2


def test_link_leads_to_the_run_in_airflow(page: Page) -> None:
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
    expect(frame.get_by_role("heading", level=1)).to_have_text("Comets of the latest run")
    shown = rows(frame.get_by_role("region", name="Comets of the latest run").get_by_role("table"))
    found = days.rows(
        "select handle from comet_run_discoveries join creators using (user_id) join comet_runs using (run_id)"
        " where recorded_date = %s",
        LAST,
    )
    assert {row["Creator"].split()[0] for row in shown} == {f"@{row['handle']}" for row in found}
    frame.get_by_role("rowheader").get_by_role("link").first.click()
    expect(frame.get_by_role("heading", name="Why it ranks there")).to_be_visible()
    # No link in the frame may be dead: it lets none open a window or take the place of Airflow's page.
    assert frame.locator("a[target]").count() == 0
