"""How creators and videos look in TikHub's answers (paths and oddities: the reference's sections 2.1, 3.1 and 3.2)."""

from typing import Any

from include.sandbox.creators import Creator
from include.sandbox.curves import SECONDS_PER_DAY
from include.sandbox.dice import digest
from include.sandbox.videos import Video
from include.sandbox.world import Counts

Json = dict[str, Any]

_INT32 = 2**31


def card_row(title: str) -> Json:
    """Return a row of `search_item_list` that is no video."""
    return {"card_type": "related_search", "card_info": {"title": title}}


def video_row(video: Video, counts: Counts, timestamp: float) -> Json:
    """Return a row of `search_item_list`. `counts` are the author's at the same unix time."""
    return {"aweme_info": _aweme(video, counts, timestamp)}


def _aweme(video: Video, counts: Counts, timestamp: float) -> Json:
    plays = video.play_count(timestamp)
    return {
        "aweme_id": video.video_id,
        "desc": video.caption,
        "create_time": video.published_at,
        "region": video.creator.region,
        "author_user_id": int(video.creator.uid),
        "aweme_type": 0,
        "content_type": "video",
        "is_ads": False,
        "is_top": 0,
        "duration": None,
        "share_url": f"https://videos.sandbox.example/@{video.creator.handle}/video/{video.video_id}",
        "video": {"duration": video.duration_ms},
        "cha_list": _challenges(video),
        "text_extra": [
            {"type": 1, "hashtag_name": tag, "hashtag_id": _hashtag_id(tag), "start": 0, "end": 0}
            for tag in video.hashtags
        ],
        "status": {"is_delete": False, "is_prohibited": False, "private_status": 0, "in_reviewing": False},
        "statistics": _statistics(video, plays),
        "author": _search_author(video, counts, timestamp),
    }


def _challenges(video: Video) -> list[Json] | None:
    """Return the list of hashtags; some real rows have null, and its counters are always 0."""
    if not video.hashtags or int(video.video_id) % 11 == 0:
        return None
    return [{"cid": _hashtag_id(tag), "cha_name": tag, "view_count": 0, "user_count": 0} for tag in video.hashtags]


def _hashtag_id(tag: str) -> str:
    return str(10**15 + digest("hashtag", tag) % 10**15)


def _statistics(video: Video, plays: int) -> Json:
    reactions = video.reactions
    saves = {} if reactions.saves is None else {"collect_count": round(plays * reactions.saves)}
    return {
        "aweme_id": video.video_id,
        "play_count": plays,
        "digg_count": round(plays * reactions.likes),
        "comment_count": round(plays * reactions.comments),
        "share_count": round(plays * reactions.shares),
        **saves,
        "download_count": round(plays * reactions.shares / 3),
        "forward_count": 0,
        "repost_count": 0,
    }


def _search_author(video: Video, counts: Counts, timestamp: float) -> Json:
    """Return an author as search gives it: no signature, two counters always 0, sometimes no follower count."""
    creator = video.creator
    shown: Json = {
        "shown": {"follower_count": round(counts.followers * video.stale_factor)},
        "zero": {"follower_count": 0},
        "missing": {},
    }[creator.search_count]
    return {
        "uid": creator.uid,
        "sec_uid": creator.sec_uid,
        "unique_id": creator.handle,
        "nickname": creator.nickname,
        **shown,
        "following_count": _following(creator),
        "aweme_count": 0,
        "total_favorited": 0,
        "secret": 0,
        "status": 1,
        "user_canceled": False,
        "verification_type": 0,
        "custom_verify": "",
        "short_id": "0",
        **_avatars(creator, timestamp),
    }


def _following(creator: Creator) -> int:
    return digest("following", creator.uid) % 1_500


def _avatars(creator: Creator, timestamp: float) -> Json:
    return {
        f"avatar_{size}": {
            "uri": f"sandbox-avatar/{creator.uid}",
            # The sample has no link for some creators.
            "url_list": [_avatar_url(creator, size, timestamp)] if creator.avatar_url else [],
        }
        for size in ("thumb", "medium", "larger")
    }


def _avatar_url(creator: Creator, size: str, timestamp: float) -> str:
    """Return a link signed for about two days, as the real ones are: it changes from day to day."""
    if not creator.avatar_url or "?" in creator.avatar_url:
        return creator.avatar_url
    expires = (int(timestamp) // SECONDS_PER_DAY + 2) * SECONDS_PER_DAY
    signature = digest("avatar", creator.uid, size, expires)
    return f"{creator.avatar_url}?size={size}&x-expires={expires}&x-signature={signature:016x}%3D"


def app_user(creator: Creator, counts: Counts, timestamp: float) -> Json:
    """Return `data.user` of the app's profile route: exact integers."""
    return {
        "uid": creator.uid,
        "sec_uid": creator.sec_uid,
        "unique_id": creator.handle,
        "nickname": creator.nickname,
        "signature": creator.signature,
        "follower_count": counts.followers,
        "following_count": _following(creator),
        "aweme_count": counts.videos,
        "total_favorited": counts.hearts,
        "favoriting_count": digest("favoriting", creator.uid) % 20_000,
        "visible_videos_count": max(0, counts.videos - 3),
        "mplatform_followers_count": counts.followers + digest("elsewhere", creator.uid) % 5_000,
        "secret": 0,
        "privacy_setting": {"private_account": False},
        "custom_verify": "",
        "verification_type": 0,
        **_avatars(creator, timestamp),
    }


def web_user_info(creator: Creator, counts: Counts, timestamp: float) -> Json:
    """Return `data.userInfo` of the web profile route: `statsV2` is exact but text, `stats` is rounded."""
    exact = {
        "followerCount": counts.followers,
        "followingCount": _following(creator),
        "heartCount": counts.hearts,
        "videoCount": counts.videos,
    }
    return {
        "user": {
            "id": creator.uid,
            "secUid": creator.sec_uid,
            "uniqueId": creator.handle,
            "nickname": creator.nickname,
            "signature": creator.signature,
            "verified": False,
            "privateAccount": False,
            "secret": False,
            "createTime": creator.created_at,
            "uniqueIdModifyTime": creator.created_at,
            "avatarLarger": _avatar_url(creator, "larger", timestamp),
            "avatarMedium": _avatar_url(creator, "medium", timestamp),
            "avatarThumb": _avatar_url(creator, "thumb", timestamp),
        },
        "stats": {name: _overflowed(_rounded(count)) for name, count in exact.items()},
        "statsV2": {name: str(count) for name, count in exact.items()},
    }


def _rounded(count: int) -> int:
    """Keep three digits, as the web route does."""
    return round(count, 3 - len(str(count)))


def _overflowed(count: int) -> int:
    """Return what a 32-bit counter makes of this: large heart counts come back negative."""
    return (count + _INT32) % (2 * _INT32) - _INT32
