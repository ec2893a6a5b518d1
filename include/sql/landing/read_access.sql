-- Purpose: what this role may not do with the package's tables though a run has to, before any call is paid for.
-- Inputs: the catalogue. Grain: one row. Idempotent: it only reads.
-- The list is that of grant_role.sql. A table that is not in it is one of another version: everything is needed of it.
with needed (table_name, privileges) as (
    values
    ('creators', 'select, insert, update, delete'),
    ('creator_stats', 'select, insert, update, delete'),
    ('comet_schema', 'select'),
    ('comet_runs', 'select, insert, update'),
    ('comet_run_dates', 'select, insert'),
    ('comet_searches', 'select, insert, update'),
    ('comet_pages', 'select, insert, update'),
    ('comet_videos', 'select, insert, delete'),
    ('comet_rejected_items', 'select, insert, delete'),
    ('comet_profiles', 'select, insert, update, delete'),
    ('comet_calls', 'select, insert, update, delete'),
    ('comet_roll_call', 'select, insert, delete'),
    ('comet_discoveries', 'select, insert, update, delete'),
    ('comet_run_discoveries', 'select, insert, delete'),
    ('comet_observations', 'select, insert, update, delete'),
    ('comet_handles', 'select, insert, update, delete'),
    ('comet_moves', 'select, insert, delete'),
    ('comet_stale_dates', 'select, insert, delete'),
    ('comet_forgotten', 'select, insert'),
    ('comet_salt', 'select'),
    ('comet_gates', 'select, insert, delete'),
    ('comet_refusals', 'select, insert'),
    ('comet_pace', 'select, insert, update'),
    ('comet_run_reports', 'select, insert, update'),
    ('comet_run_hashtags', 'select, insert, update, delete'),
    ('comet_scores', 'select, insert, update, delete'),
    ('comet_score_dates', 'select, insert, update'),
    ('comet_counted_pages', 'select, insert, update'),
    ('comet_stale_scores', 'select, insert, delete'),
    ('comet_notices', 'select, insert, delete')
),

-- A schema whose tables this role may not even name is found by the catalogue only.
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
            when class.relkind = 'v' then 'select'
            else coalesce(needed.privileges, 'select, insert, update, delete')
        end as privileges
    from home
    inner join pg_class as class on home.schema_id = class.relnamespace
    left join needed on class.relname = needed.table_name
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
    where case when id_sequence.relkind = 'S' then not has_sequence_privilege(id_sequence.oid, 'usage') end
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
