-- Purpose: let nobody call a route of TikHub for as long as it has asked.
-- Inputs: the route and the time to wait. Grain: one row of comet_pace.
-- Idempotent: of several answers the one that asks for longest holds.
update comet_pace
set held_until = greatest(held_until, clock_timestamp() + %(hold)s::interval)
where route = %(route)s
