-- Give a call that woke after its slot the next free one: started late, it would collide with the calls that follow.
-- Not idempotent: each slot is handed out once.
with rescheduled as (
    update comet_rate_limits as rate_limit
    set slot_at = greatest(clock_timestamp(), rate_limit.slot_at + %(min_interval)s::interval, rate_limit.blocked_until)
    from comet_calls as call
    where call.call_id = %(call_id)s and call.route = rate_limit.route
    returning rate_limit.slot_at
)

update comet_calls
set started_at = rescheduled.slot_at
from rescheduled
where comet_calls.call_id = %(call_id)s
returning greatest(extract(epoch from rescheduled.slot_at - clock_timestamp()), 0)::double precision as wait_seconds
