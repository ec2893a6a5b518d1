-- Purpose: hand out the next free moment of a TikHub route, to one caller each over all tasks, processes and machines.
-- Inputs: the route and the minimum interval between two of its calls. Grain: one row of comet_rate_limits per route.
-- Idempotent: no; each moment is handed out once. The clock is that of the database server, whose row lock orders the
-- callers; nothing lasts longer than the transaction: a pooler may hand each one to another server connection.
insert into comet_rate_limits as pace (route, slot_at)
values (%(route)s, clock_timestamp())
on conflict (route) do update
    set
        slot_at = greatest(clock_timestamp(), pace.slot_at + %(min_interval)s::interval, pace.blocked_until)
returning
    slot_at,
    greatest(extract(epoch from slot_at - clock_timestamp()), 0)::double precision as wait_seconds
