-- Purpose: give a call whose moment has come another one if its route is held back by then; else it may start.
-- Inputs: comet_calls, comet_rate_limits, the minimum interval between two calls of a route.
-- Grain: at most one row; none means that the call may start. Idempotent: the new moment lies after the hold.
with moved as (
    update comet_rate_limits as pace
    set slot_at = greatest(clock_timestamp(), pace.slot_at + %(min_interval)s::interval, pace.blocked_until)
    from comet_calls as call
    where call.call_id = %(call_id)s and call.route = pace.route and call.started_at < pace.blocked_until
    returning pace.slot_at
)

update comet_calls
set started_at = moved.slot_at
from moved
where comet_calls.call_id = %(call_id)s
returning greatest(extract(epoch from moved.slot_at - clock_timestamp()), 0)::double precision as wait_seconds
