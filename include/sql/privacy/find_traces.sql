-- Count the rows of each table that match a regular expression, in any column.
-- Grain: one row per table with a match.
with found as (
    select
        'creators' as table_name,
        count(*) as row_count
    from creators as row_text
    where row_text::text ~* %(pattern)s
    union all
    select
        'creator_stats' as table_name,
        count(*) as row_count
    from creator_stats as row_text
    where row_text::text ~* %(pattern)s
    union all
    select
        'comet_schema' as table_name,
        count(*) as row_count
    from comet_schema as row_text
    where row_text::text ~* %(pattern)s
    union all
    select
        'comet_locks' as table_name,
        count(*) as row_count
    from comet_locks as row_text
    where row_text::text ~* %(pattern)s
    union all
    select
        'comet_hashtag_results' as table_name,
        count(*) as row_count
    from comet_hashtag_results as row_text
    where row_text::text ~* %(pattern)s
    union all
    select
        'comet_runs' as table_name,
        count(*) as row_count
    from comet_runs as row_text
    where row_text::text ~* %(pattern)s
    union all
    select
        'comet_dates' as table_name,
        count(*) as row_count
    from comet_dates as row_text
    where row_text::text ~* %(pattern)s
    union all
    select
        'comet_quality_checks' as table_name,
        count(*) as row_count
    from comet_quality_checks as row_text
    where row_text::text ~* %(pattern)s
    union all
    select
        'comet_searches' as table_name,
        count(*) as row_count
    from comet_searches as row_text
    where row_text::text ~* %(pattern)s
    union all
    select
        'comet_pages' as table_name,
        count(*) as row_count
    from comet_pages as row_text
    where row_text::text ~* %(pattern)s
    union all
    select
        'comet_videos' as table_name,
        count(*) as row_count
    from comet_videos as row_text
    where row_text::text ~* %(pattern)s
    union all
    select
        'comet_rejected_items' as table_name,
        count(*) as row_count
    from comet_rejected_items as row_text
    where row_text::text ~* %(pattern)s
    union all
    select
        'comet_profiles' as table_name,
        count(*) as row_count
    from comet_profiles as row_text
    where row_text::text ~* %(pattern)s
    union all
    select
        'comet_calls' as table_name,
        count(*) as row_count
    from comet_calls as row_text
    where row_text::text ~* %(pattern)s
    union all
    select
        'comet_skipped_calls' as table_name,
        count(*) as row_count
    from comet_skipped_calls as row_text
    where row_text::text ~* %(pattern)s
    union all
    select
        'comet_rate_limits' as table_name,
        count(*) as row_count
    from comet_rate_limits as row_text
    where row_text::text ~* %(pattern)s
    union all
    select
        'comet_roll_call' as table_name,
        count(*) as row_count
    from comet_roll_call as row_text
    where row_text::text ~* %(pattern)s
    union all
    select
        'comet_discoveries' as table_name,
        count(*) as row_count
    from comet_discoveries as row_text
    where row_text::text ~* %(pattern)s
    union all
    select
        'comet_run_discoveries' as table_name,
        count(*) as row_count
    from comet_run_discoveries as row_text
    where row_text::text ~* %(pattern)s
    union all
    select
        'comet_handles' as table_name,
        count(*) as row_count
    from comet_handles as row_text
    where row_text::text ~* %(pattern)s
    union all
    select
        'comet_erased_ids' as table_name,
        count(*) as row_count
    from comet_erased_ids as row_text
    where row_text::text ~* %(pattern)s
    union all
    select
        'comet_scores' as table_name,
        count(*) as row_count
    from comet_scores as row_text
    where row_text::text ~* %(pattern)s
    union all
    select
        'comet_notifications' as table_name,
        count(*) as row_count
    from comet_notifications as row_text
    where row_text::text ~* %(pattern)s
)

select
    table_name,
    row_count
from found
where row_count > 0
order by table_name
