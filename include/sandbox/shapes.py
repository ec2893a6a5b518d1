"""Videos and creators in TikHub's response format, with its known oddities."""

from include.sandbox.creators import SECONDS_PER_DAY, Creator
from include.sandbox.dice import digest
from include.sandbox.faults import Json
from include.sandbox.videos import Video
from include.sandbox.world import Result


def search_row(result: Result, timestamp: float) -> Json:
    """Return a row of `search_item_list` at a unix time: a video or another card."""
    if not isinstance(result, Video):
        return {"card_type": "related_search", "card_info": {"title": result}}
    plays = result.play_count(timestamp)
    statistics = {
        "aweme_id": result.video_id,
        "play_count": plays,
        "digg_count": round(plays * result.likes),
        "comment_count": round(plays * result.comments),
        "share_count": round(plays * result.shares),
    }
    if result.saves is not None:
        statistics["collect_count"] = round(plays * result.saves)
    video = {
        "aweme_id": result.video_id,
        "desc": result.caption,
        "create_time": result.published_at,
        "region": result.creator.region,
        "author_user_id": int(result.creator.uid),
        "cha_list": None,
        "text_extra": [{"type": 1, "hashtag_name": tag} for tag in result.hashtags],
        "statistics": statistics,
        "author": _search_author(result, timestamp),
    }
    return {"aweme_info": video}


def _search_author(video: Video, timestamp: float) -> Json:
    """Return an author of a search: no signature, two counters always 0, sometimes no follower count."""
    creator = video.creator
    author = _identity(creator, timestamp) | {"aweme_count": 0, "total_favorited": 0}
    if creator.search_count == "shown":
        author["follower_count"] = round(creator.followers.at(timestamp) * video.stale_factor)
    elif creator.search_count == "zero":
        author["follower_count"] = 0
    return author


def profile_user(creator: Creator, timestamp: float) -> Json:
    """Return `data.user` of the profile route at a unix time: exact integers."""
    return _identity(creator, timestamp) | {
        "signature": creator.signature,
        "follower_count": creator.followers.at(timestamp),
        "aweme_count": creator.videos.at(timestamp),
        "total_favorited": creator.hearts.at(timestamp),
        "favoriting_count": digest("favoriting", creator.uid) % 20_000,
    }


def _identity(creator: Creator, timestamp: float) -> Json:
    return {
        "uid": creator.uid,
        "sec_uid": creator.sec_uid,
        "unique_id": creator.handle,
        "nickname": creator.nickname,
        "avatar_larger": {"url_list": _avatar_urls(creator, timestamp)},
    }


def _avatar_urls(creator: Creator, timestamp: float) -> list[str]:
    """Return the avatar link, signed for about two days, so that it changes daily as the real one."""
    if not creator.avatar_url:
        return []
    if "?" in creator.avatar_url:
        return [creator.avatar_url]
    expires = (int(timestamp) // SECONDS_PER_DAY + 2) * SECONDS_PER_DAY
    signature = digest("avatar", creator.uid, "larger", expires)
    return [f"{creator.avatar_url}?size=larger&x-expires={expires}&x-signature={signature:016x}%3D"]
