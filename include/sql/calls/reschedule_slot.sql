-- Move a call to the next free slot: when its route was blocked after the slot was reserved, or (is_late) when it woke
-- after its slot, because started late it would collide with the calls that follow. No row: the call may start.
with rescheduled as (
    update comet_rate_limits as rate_limit
    set slot_at = greatest(clock_timestamp(), rate_limit.slot_at + %(min_interval)s::interval, rate_limit.blocked_until)
    from comet_calls as call
    where
        call.call_id = %(call_id)s
        and call.route = rate_limit.route
        and (%(is_late)s or call.started_at < rate_limit.blocked_until)
    returning rate_limit.route, rate_limit.slot_at
)

update comet_calls
set started_at = rescheduled.slot_at
from rescheduled
where comet_calls.call_id = %(call_id)s
returning
    rescheduled.route,
    rescheduled.slot_at,
    greatest(extract(epoch from rescheduled.slot_at - clock_timestamp()), 0)::double precision as wait_seconds
