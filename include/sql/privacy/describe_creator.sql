-- Return facts by which a person recognises a creator, without a name.
select
    min(creator.first_found_at)::date as first_found_on,
    count(stats.recorded_date) as snapshot_count,
    (array_agg(stats.follower_count order by stats.recorded_date desc))[1] as follower_count
from creators as creator
left join creator_stats as stats on creator.user_id = stats.user_id
where creator.user_id = any(%(identities)s::text[])
