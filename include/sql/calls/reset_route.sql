-- Free a route whose next slot or block is further ahead than its queue can be: the clock was wrong when it was stored.
-- Idempotent: callers that meet the same slot at once reset it once.
update comet_rate_limits
set
    slot_at = clock_timestamp(),
    blocked_until = null
where route = %(route)s and greatest(slot_at, blocked_until) > clock_timestamp() + %(max_wait)s::interval
