-- Clear nickname, bio and avatar address of some creators that became missing before a date, from landed readings too:
-- a later run of an old date would store them again. Readings since the creator's last update are not yet processed.
-- A creator becomes missing with its failures of a third date.
-- Idempotent: run until none is left.
with batch as (
    select
        creator.user_id,
        creator.last_updated_at
    from creators as creator
    inner join lateral (
        select array_agg(distinct failure.observed_date order by failure.observed_date) as dates
        from comet_failures as failure
        where
            failure.user_id = creator.user_id
            and failure.observed_date
            > coalesce((creator.last_updated_at at time zone %(timezone)s)::date, '-infinity')
    ) as failures on failures.dates[3] < %(kept_date)s::date
    where
        creator.status = 'missing'
        and num_nonnulls(creator.nickname, creator.signature, creator.avatar_url) > 0
    order by creator.user_id
    limit %(row_limit)s
),

cleared_videos as (
    update comet_videos as video
    set
        nickname = null,
        signature = null,
        avatar_url = null
    from batch
    where video.user_id = batch.user_id and video.observed_at <= batch.last_updated_at
),

cleared_profiles as (
    update comet_profiles as profile
    set
        nickname = null,
        signature = null,
        avatar_url = null
    from batch
    where profile.user_id = batch.user_id and profile.observed_at <= batch.last_updated_at
),

cleared as (
    update creators as creator
    set
        nickname = null,
        signature = null,
        avatar_url = null
    from batch
    where creator.user_id = batch.user_id
    returning creator.user_id
)

select
    count(*) as portion_count,
    count(*) as creators
from cleared
