-- Return the server's time, and what this login may do there. It reads none of the package's tables, so that it works
-- without them.
select
    clock_timestamp() as server_time,
    current_user as role_name,
    role.rolsuper as is_superuser,
    coalesce(pg_has_role(creators.relowner, 'usage'), false) as is_owner,
    current_setting('transaction_read_only')::boolean as is_read_only,
    pg_database_size(current_database()) as size_bytes
from pg_roles as role
left join pg_class as creators on creators.oid = to_regclass('creators')
where role.rolname = current_user
