"""The trigger forms of the Dags: their params with types, bounds, titles and descriptions."""

from __future__ import annotations

from airflow.sdk import Param

from comets.settings import MAX_HASHTAGS, Settings
from comets.values import MAX_COUNT, MAX_ID_CHARS

PUBLISH_TIMES = {0: "any time", 1: "last day", 7: "last week", 30: "last month", 90: "3 months", 180: "6 months"}


def trigger_form(settings: Settings) -> dict[str, Param]:
    """Dag params with the settings file's values as defaults. Airflow refuses a wrong value when a run is triggered."""
    criteria, search, budget = settings.criteria, settings.search, settings.budget
    search_count = len(settings.hashtags) * search.pages_per_hashtag
    return {
        "hashtags": Param(
            settings.hashtags,
            type="array",
            items={"type": "string", "minLength": 1},
            minItems=1,
            maxItems=MAX_HASHTAGS,
            title="Hashtags",
            description="One per line, with or without #, in any script. Each is searched and can fail by itself.",
            section="What to search",
        ),
        "region": Param(
            search.region,
            type="string",
            pattern="^[A-Z]{2}$",
            title="Region",
            description="Two-letter country code, such as US. It shapes what TikTok returns.",
            section="What to search",
        ),
        "publish_time_days": Param(
            search.publish_time_days,
            type="integer",
            enum=list(PUBLISH_TIMES),
            values_display={str(days): text for days, text in PUBLISH_TIMES.items()},
            title="Published within",
            description="Only videos published in this many days before the run's date; 0 means any time.",
            section="What to search",
        ),
        "min_followers": _count(criteria.min_followers, "Fewest followers", "A Comet has at least this many."),
        "max_followers": _count(criteria.max_followers, "Most followers", "A Comet has at most this many."),
        "min_video_views": _count(
            criteria.min_video_views, "Fewest views of a video", "A Comet has a video with at least this many views."
        ),
        "pages_per_hashtag": Param(
            search.pages_per_hashtag,
            type="integer",
            minimum=1,
            maximum=100,
            title="Pages per hashtag",
            description="Each page is one paid TikHub call. Fewer are made when the search is exhausted.",
            section="What it may cost",
        ),
        "page_size": Param(
            search.page_size,
            type="integer",
            minimum=1,
            maximum=100,
            title="Videos per page",
            description="When TikHub cuts a large answer short, the rest of that search uses smaller pages.",
            section="What it may cost",
        ),
        "max_api_calls": Param(
            budget.max_api_calls,
            type="integer",
            minimum=1,
            maximum=1_000_000,
            title="Most TikHub calls",
            description=(
                "The run stops calling TikHub at this number, retries included. Clearing the run renews it. As the "
                f"form is filled in: {search_count:,} searches and a profile of each tracked creator, at "
                f"{budget.price_per_call_usd:g} USD a call, never more than "
                f"{budget.max_api_calls * budget.price_per_call_usd:.2f} USD."
            ),
            section="What it may cost",
        ),
        "refresh": Param(
            False,
            type="boolean",
            title="Ask again",
            description="Search again, and ask for every tracked creator again; else a past date re-uses what it has.",
            section="What it may cost",
        ),
    }


def erasure_form() -> dict[str, Param]:
    """The param of the Dag that erases a creator. It has no default: a run has to say whom."""
    return {
        "creator": Param(
            type="string",
            minLength=1,
            maxLength=MAX_ID_CHARS,
            title="Creator",
            description=(
                "The handle with @, the uid (digits) or the sec_uid (MS4wLjAB...). The uid is the safest: handles "
                "change owners. There is no way back."
            ),
        )
    }


def _count(default: int, title: str, description: str) -> Param:
    return Param(
        default,
        type="integer",
        minimum=0,
        maximum=MAX_COUNT,
        title=title,
        description=description,
        section="What makes a Comet",
    )
