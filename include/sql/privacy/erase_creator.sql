-- Erase a creator from every table, in one statement. Calls stay for the accounting, without the account and the error
-- text that names it; pages count the rows that remain.
-- Grain: one row with the number of erased rows per table.
with patterns as (
    -- A longer number that contains the uid belongs to another creator.
    select
        wanted.identity as needle,
        '(^|[^0-9])' || regexp_replace(wanted.identity, '([^0-9A-Za-z_])', '\\\1', 'g') || '([^0-9]|$)' as pattern
    from unnest(%(identities)s::text[]) as wanted (identity)
    union all
    -- A handle can be any word, so only a whole JSON string matches.
    select
        to_json(wanted.handle)::text as needle,
        '' as pattern
    from unnest(%(handles)s::text[]) as wanted (handle)
),

erased_videos as (
    delete from comet_videos
    where user_id = any(%(identities)s::text[]) or sec_uid = any(%(identities)s::text[])
    returning page_id
),

erased_items as (
    delete from comet_rejected_items as item
    where
        exists (
            select 1
            from patterns
            where strpos(item.raw_json, patterns.needle) > 0 and item.raw_json ~ patterns.pattern
        )
    returning item.page_id
),

erased_counts as (
    select
        page_id,
        count(*) filter (where is_video) as video_count,
        count(*) filter (where not is_video) as item_count
    from (
        select
            page_id,
            true as is_video
        from erased_videos
        union all
        select
            page_id,
            false as is_video
        from erased_items
    ) as erased
    group by page_id
),

corrected_pages as (
    update comet_pages as page
    set
        received_count = page.received_count - erased.video_count - erased.item_count,
        landed_count = page.landed_count - erased.video_count,
        rejected_count = page.rejected_count - erased.item_count
    from erased_counts as erased
    where page.page_id = erased.page_id
),

erased_profiles as (
    delete from comet_profiles
    where
        user_id = any(%(identities)s::text[])
        or asked_id = any(%(identities)s::text[])
        or sec_uid = any(%(identities)s::text[])
    returning item_id
),

erased_members as (
    delete from comet_roll_call
    where user_id = any(%(identities)s::text[])
    returning user_id
),

erased_discoveries as (
    delete from comet_discoveries
    where user_id = any(%(identities)s::text[])
    returning user_id
),

erased_run_discoveries as (
    delete from comet_run_discoveries
    where user_id = any(%(identities)s::text[])
    returning user_id
),

erased_stats as (
    delete from creator_stats as stats
    using comet_dates as date
    where date.recorded_date = stats.recorded_date and stats.user_id = any(%(identities)s::text[])
    returning stats.id
),

erased_handles as (
    delete from comet_handles
    where user_id = any(%(identities)s::text[])
    returning user_id
),

-- The percentiles of the other creators stay as they were scored.
erased_scores as (
    delete from comet_scores as score
    using comet_dates as date
    where date.recorded_date = score.recorded_date and score.user_id = any(%(identities)s::text[])
    returning score.user_id
),

erased_notifications as (
    delete from comet_notifications
    where user_id = any(%(identities)s::text[])
    returning user_id
),

erased_creators as (
    delete from creators
    where user_id = any(%(identities)s::text[])
    returning user_id
),

-- 'erased' keeps a profile call apart from a search, which has no user_id.
anonymized_calls as (
    update comet_calls as call
    set
        user_id = case when call.user_id = any(%(identities)s::text[]) then 'erased' else call.user_id end,
        error = null
    where
        call.user_id = any(%(identities)s::text[])
        or exists (
            select 1
            from patterns
            where strpos(call.error, patterns.needle) > 0 and call.error ~ patterns.pattern
        )
    returning call.call_id
)

select
    (select count(*) from erased_creators) as creators,
    (select count(*) from erased_stats) as creator_stats,
    (select count(*) from erased_discoveries) as comet_discoveries,
    (select count(*) from erased_run_discoveries) as comet_run_discoveries,
    (select count(*) from erased_handles) as comet_handles,
    (select count(*) from erased_scores) as comet_scores,
    (select count(*) from erased_notifications) as comet_notifications,
    (select count(*) from erased_profiles) as comet_profiles,
    (select count(*) from erased_videos) as comet_videos,
    (select count(*) from erased_items) as comet_rejected_items,
    (select count(*) from erased_members) as comet_roll_call,
    (select count(*) from anonymized_calls) as comet_calls
