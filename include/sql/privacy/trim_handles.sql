-- Delete some handles that their creators have replaced, from landed readings too: a later run of an old date would
-- store them again. A handle that was read since then, or is the creator's present one, stays.
-- Idempotent: run until none is left.
with batch as (
    select
        former.user_id,
        former.handle
    from comet_handles as former
    inner join creators as creator on former.user_id = creator.user_id and former.handle <> creator.handle
    left join lateral (
        select min(later.first_seen_at) as first_seen_at
        from comet_handles as later
        where later.user_id = former.user_id and later.first_seen_at > former.first_seen_at
    ) as successor on true
    where
        coalesce(successor.first_seen_at, former.first_seen_at) < %(kept_from)s
        and not exists (
            select 1
            from comet_landed_readings as reading
            where
                reading.user_id = former.user_id
                and reading.handle = former.handle
                and reading.observed_at >= %(kept_from)s
        )
    order by former.user_id, former.handle
    limit %(row_limit)s
),

cleared_videos as (
    update comet_videos as video
    set handle = null
    from batch
    where video.user_id = batch.user_id and video.handle = batch.handle
),

cleared_profiles as (
    update comet_profiles as profile
    set handle = null
    from batch
    where profile.user_id = batch.user_id and profile.handle = batch.handle
),

trimmed as (
    delete from comet_handles as former
    using batch
    where former.user_id = batch.user_id and former.handle = batch.handle
    returning former.user_id
)

select
    count(*) as portion_count,
    count(*) as comet_handles
from trimmed
