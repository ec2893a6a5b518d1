-- Delete some old profile answers that no later step needs. Kept per creator: the newest answer, the newest profile and
-- the failures since then; per date of such a failure one profile, as only failures beside an answer count; and all
-- answers for authors of videos that were searched late for a trimmed date, because old answers filter those.
-- Idempotent: run until none is left.
with last_answers as (
    select
        creator.user_id,
        newest.item_id as newest_id,
        found.item_id as found_id,
        found.observed_at as found_at
    from creators as creator
    left join lateral (
        select profile.item_id
        from comet_profiles as profile
        where profile.user_id = creator.user_id
        order by profile.observed_at desc, profile.item_id desc
        limit 1
    ) as newest on true
    left join lateral (
        select
            profile.item_id,
            profile.observed_at
        from comet_profiles as profile
        where profile.user_id = creator.user_id and profile.outcome = 'found'
        order by profile.observed_at desc, profile.item_id desc
        limit 1
    ) as found on true
),

failures_since as (
    select
        failure.item_id,
        failure.observed_date
    from comet_profiles as failure
    inner join last_answers on failure.user_id = last_answers.user_id
    where
        failure.outcome <> 'found'
        and failure.observed_at >= coalesce(last_answers.found_at, '-infinity')
),

witnesses as (
    select min(answer.item_id) as item_id
    from comet_profiles as answer
    where
        answer.outcome = 'found'
        and answer.observed_date in (select failures_since.observed_date from failures_since)
    group by answer.observed_date
),

needed as (
    select newest_id as item_id
    from last_answers
    where newest_id is not null
    union
    select found_id as item_id
    from last_answers
    where found_id is not null
    union
    select item_id
    from failures_since
    union
    select item_id
    from witnesses
),

late_authors as (
    select distinct video.user_id
    from comet_searches as search
    inner join comet_pages as page on search.search_id = page.search_id
    inner join comet_videos as video on page.page_id = video.page_id
    where search.recorded_date < %(kept_date)s::date
),

batch as (
    select expired.item_id
    from comet_profiles as expired
    left join needed on expired.item_id = needed.item_id
    left join late_authors on expired.user_id = late_authors.user_id
    where
        expired.observed_at < %(kept_from)s
        and needed.item_id is null
        and late_authors.user_id is null
    order by expired.item_id
    limit %(row_limit)s
),

trimmed as (
    delete from comet_profiles as profile
    using batch
    where profile.item_id = batch.item_id
    returning profile.item_id
)

select
    count(*) as portion_count,
    count(*) as comet_profiles
from trimmed
