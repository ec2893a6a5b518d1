-- Reserve the next slot of a TikHub route, across all tasks, processes and machines. Not idempotent.
-- The database server's clock counts, and the row lock orders the callers; a pooler may use another server connection
-- for each transaction, so nothing outlasts this one.
insert into comet_rate_limits as rate_limit (route, slot_at)
values (%(route)s, clock_timestamp())
on conflict (route) do update
    set
        slot_at = greatest(clock_timestamp(), rate_limit.slot_at + %(min_interval)s::interval, rate_limit.blocked_until)
returning
    route,
    slot_at,
    greatest(extract(epoch from slot_at - clock_timestamp()), 0)::double precision as wait_seconds
