-- Purpose: the snapshots of the day, with what each creator has gained since the day before.
insert into dlt_days.creator_stats (
    user_id, recorded_date, follower_count, heart_count, video_count, daily_growth_followers, daily_growth_percent
)
select
    profile.user_id,
    profile.recorded_date,
    profile.follower_count,
    profile.heart_count,
    profile.video_count,
    coalesce(profile.follower_count - earlier.follower_count, 0) as daily_growth_followers,
    coalesce(
        round(100 * (profile.follower_count - earlier.follower_count)::numeric / nullif(earlier.follower_count, 0), 2), 0
    ) as daily_growth_percent
from dlt_days.creators as creator
inner join dlt_days.profiles as profile on creator.user_id = profile.user_id and profile.recorded_date = %(day)s
left join dlt_days.creator_stats as earlier
    on profile.user_id = earlier.user_id and earlier.recorded_date = %(day)s - 1
where profile.follower_count is not null
on conflict (user_id, recorded_date) do update set
    follower_count = excluded.follower_count,
    heart_count = excluded.heart_count,
    video_count = excluded.video_count,
    daily_growth_followers = excluded.daily_growth_followers,
    daily_growth_percent = excluded.daily_growth_percent
