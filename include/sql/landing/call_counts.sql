-- Purpose: what a task must know before it reserves a call: how many the run has made since it was last cleared,
-- whether one of them met an error that ends all calling, and whether another hashtag asks this profile already.
-- Inputs: comet_calls. Grain: one row. Idempotent: it only reads.
select
    count(*) as call_count,
    min(error) filter (where error_type in ('TikHubAuthError', 'TikHubBalanceError')) as fatal_error,
    coalesce(
        bool_or(route = %(route)s and user_id = %(user_id)s::text and hashtag is distinct from %(hashtag)s::text),
        false
    ) as is_asked_elsewhere
from comet_calls
where run_id = %(run_id)s and clear_number = %(clear_number)s
