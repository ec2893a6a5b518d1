-- Return the privileges that this role lacks on the package's tables, as grant_role.sql grants them to the Dags, or to
-- a role that only reads. A Dag run checks them before it pays for a call.
with
-- Without usage on the schema, only the catalog shows its tables.
home as (
    select class.relnamespace as schema_id
    from pg_class as class
    where
        class.relname = 'comet_schema'
        and (class.oid = to_regclass('comet_schema') or not has_schema_privilege(class.relnamespace, 'usage'))
    order by class.oid = to_regclass('comet_schema') desc nulls last
    limit 1
),

package as (
    select
        class.oid,
        class.relname,
        case
            when %(is_read_only)s or class.relkind = 'v' or class.relname = 'comet_schema' then 'select'
            else 'select, insert, update, delete'
        end as privileges
    from home
    inner join pg_class as class on home.schema_id = class.relnamespace
    where
        class.relkind in ('r', 'p', 'v')
        and (class.relname in ('creators', 'creator_stats') or starts_with(class.relname, 'comet_'))
),

lacking as (
    select 'usage on the schema ' || home.schema_id::regnamespace as missing
    from home
    where not has_schema_privilege(home.schema_id, 'usage')
    union all
    select privilege.name || ' on ' || package.relname as missing
    from package
    cross join lateral regexp_split_to_table(package.privileges, ', ') as privilege (name)
    where not has_table_privilege(package.oid, privilege.name)
    union all
    select 'usage on the sequence ' || id_sequence.relname as missing
    from package
    inner join pg_depend as dependency
        on
            dependency.refclassid = 'pg_class'::regclass
            and package.oid = dependency.refobjid
            and dependency.classid = 'pg_class'::regclass
            and dependency.deptype = 'a'
    inner join pg_class as id_sequence on dependency.objid = id_sequence.oid
    where
        not %(is_read_only)s
        and case when id_sequence.relkind = 'S' then not has_sequence_privilege(id_sequence.oid, 'usage') end
    union all
    select 'a policy on ' || package.relname as missing
    from package
    where
        row_security_active(package.oid)
        and not exists (
            select 1
            from pg_policy as policy
            cross join lateral unnest(policy.polroles) as holder (role_id)
            where
                policy.polrelid = package.oid
                and policy.polpermissive
                and case when holder.role_id = 0 then true else pg_has_role(holder.role_id, 'usage') end
        )
)

select
    current_user as role_name,
    (select count(*) from home) > 0 as is_set_up,
    coalesce((select array_agg(lacking.missing order by lacking.missing) from lacking), '{}') as missing
