-- Purpose: let nobody call a route of TikHub for as long as it has asked.
-- Inputs: the route and the time to wait. Grain: one row of comet_rate_limits.
-- Idempotent: of several answers the one that asks for longest holds.
update comet_rate_limits
set blocked_until = greatest(blocked_until, clock_timestamp() + %(hold)s::interval)
where route = %(route)s
