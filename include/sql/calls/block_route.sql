update comet_rate_limits
set blocked_until = greatest(blocked_until, clock_timestamp() + %(hold)s::interval)
where route = %(route)s
