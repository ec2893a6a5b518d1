-- Return one page of the hashtags that were searched in the last days up to the latest run: results and cost.
-- Grain: one row; entries has one per hashtag; a page after the last one is the last one. Distinct Comets, and days as
-- pairs of the day's number and its new Comets, are read for the hashtags of the page only.
with last as (
    select max(recorded_date) as recorded_date
    from comet_runs
),

totals as (
    select
        result.hashtag,
        sum(result.run_count)::bigint as run_count,
        count(*) as date_count,
        sum(result.video_count)::bigint as video_count,
        sum(result.tagged_count)::bigint as tagged_count,
        sum(result.new_comet_count)::bigint as new_comet_count,
        sum(result.new_tagged_comet_count)::bigint as new_tagged_comet_count,
        sum(result.call_count)::bigint as call_count,
        sum(result.billed_count)::bigint as billed_count,
        coalesce(
            sum(result.new_comet_count)
            filter (where result.recorded_date > last.recorded_date - (%(day_count)s::integer / 2)),
            0
        )::bigint as later_new_comet_count
    from last
    inner join comet_hashtag_days as result
        on
            result.recorded_date > last.recorded_date - %(day_count)s::integer
            and last.recorded_date >= result.recorded_date
    group by result.hashtag
),

rated as (
    select
        *,
        new_comet_count - later_new_comet_count as earlier_new_comet_count,
        2 * later_new_comet_count - new_comet_count as trend,
        tagged_count / nullif(video_count, 0)::double precision as precision_rate,
        new_comet_count / nullif(billed_count, 0)::double precision as new_comets_per_call,
        new_tagged_comet_count / nullif(billed_count, 0)::double precision as new_tagged_comets_per_call,
        billed_count * %(price_usd)s::double precision as cost_usd,
        billed_count * %(price_usd)s::double precision / nullif(new_comet_count, 0) as cost_per_new_comet_usd
    from totals
),

sortable as (
    select
        *,
        case when %(is_descending)s then -1 else 1 end
        * case %(sort)s::text
            when 'runs' then run_count::double precision
            when 'videos' then video_count::double precision
            when 'precision' then precision_rate
            when 'new' then new_comet_count::double precision
            when 'calls' then billed_count::double precision
            when 'yield' then new_comets_per_call
            when 'tagged' then new_tagged_comets_per_call
            when 'cost' then cost_per_new_comet_usd
            when 'trend' then trend::double precision
        end as sort_key
    from rated
),

counted as (
    select
        count(*) as total_count,
        least(%(page)s::bigint, greatest(ceil(count(*) / %(page_size)s::numeric), 1)::bigint) as page
    from totals
),

listed as (
    select
        *,
        row_number() over (
            order by
                sort_key asc nulls last,
                case when %(sort)s::text = 'hashtag' and %(is_descending)s then hashtag end desc,
                hashtag asc
        ) as place
    from sortable
    order by place
    offset (select (counted.page - 1) * %(page_size)s::bigint from counted)
    fetch first %(page_size)s rows only
),

entries as (
    select
        listed.*,
        found.comet_count,
        per_day.days
    from listed
    cross join last
    inner join lateral (
        select count(distinct discovery.user_id) as comet_count
        from comet_discoveries as discovery
        where
            discovery.hashtag = listed.hashtag
            and discovery.recorded_date > last.recorded_date - %(day_count)s::integer
            and discovery.recorded_date <= last.recorded_date
    ) as found on true
    inner join lateral (
        select jsonb_agg(jsonb_build_array(day.number, result.new_comet_count) order by day.number) as days
        from generate_series(0, %(day_count)s::integer - 1) as day (number)
        inner join comet_hashtag_days as result
            on
                last.recorded_date - %(day_count)s::integer + 1 + day.number = result.recorded_date
                and listed.hashtag = result.hashtag
        where %(has_days)s
    ) as per_day on true
)

select
    last.recorded_date as last_date,
    last.recorded_date - %(day_count)s::integer + 1 as first_date,
    counted.total_count,
    counted.page,
    (select coalesce(jsonb_agg(to_jsonb(entries) order by entries.place), '[]') from entries) as entries
from last
cross join counted
