-- Return the ranking of a date by growth per 24 hours, fastest first; creators without such a growth come last, largest
-- first. Of the new ones the first third of the limit is listed with their places.
with hashtags as (
    select
        user_id,
        array_agg(distinct hashtag order by hashtag) as hashtags
    from comet_discoveries
    group by user_id
),

ranking as (
    select
        row_number() over (
            order by score.growth_rate desc nulls last, score.follower_count desc, score.user_id asc
        ) as place,
        score.user_id,
        creator.handle,
        creator.nickname,
        score.follower_count,
        score.counted_date,
        score.daily_growth_followers,
        100 * score.growth_rate as growth_percent,
        score.basis <> 'observed' as is_estimated,
        score.score,
        score.is_low_confidence,
        coalesce(finder.recorded_date = score.recorded_date, false) as is_new,
        coalesce(hashtags.hashtags, '{}') as hashtags
    from comet_scores as score
    inner join creators as creator on score.user_id = creator.user_id
    left join comet_runs as finder on creator.found_by_run_id = finder.run_id
    left join hashtags on score.user_id = hashtags.user_id
    where score.recorded_date = %(recorded_date)s::date
),

new_places as (
    select place
    from ranking
    where is_new
    order by place
    limit %(row_limit)s / 3
)

select *
from ranking
where place <= %(row_limit)s or place = any(array(select new.place from new_places as new))
order by place
