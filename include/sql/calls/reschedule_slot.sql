-- Purpose: give a call that has slept past its moment the next free one: made late, it would arrive together with those
-- that follow, and TikHub would refuse one of them.
-- Inputs: comet_calls, comet_rate_limits, the minimum interval between two calls of a route.
-- Grain: at most one row. Idempotent: no; each moment is handed out once.
with moved as (
    update comet_rate_limits as pace
    set slot_at = greatest(clock_timestamp(), pace.slot_at + %(min_interval)s::interval, pace.blocked_until)
    from comet_calls as call
    where call.call_id = %(call_id)s and call.route = pace.route
    returning pace.slot_at
)

update comet_calls
set started_at = moved.slot_at
from moved
where comet_calls.call_id = %(call_id)s
returning greatest(extract(epoch from moved.slot_at - clock_timestamp()), 0)::double precision as wait_seconds
