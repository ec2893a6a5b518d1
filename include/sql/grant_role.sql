-- Grant an existing role the rights that the package's Dags need, or only those that its page needs, and no more.
-- Execute it as the owner of the tables, after setup_database.sql and after each upgrade, with `psql -f` or in a hosted
-- SQL editor. Change the two constants, or set them from outside:
-- PGOPTIONS='-c comets.role=comets_page -c comets.read_only=true' psql -f include/sql/grant_role.sql
-- Create the role first, for example: create role comets_app login password '...';
-- Idempotent: other rights of the role on these tables are revoked; other tables are left alone.
begin;

do $$
declare
    -- The role that the Dags or the page log in as.
    role_name constant text := coalesce(nullif(current_setting('comets.role', true), ''), 'comets_app');
    -- false: the rights of the Dags; true: those of the page, which changes nothing.
    is_read_only constant boolean := coalesce(nullif(current_setting('comets.read_only', true), ''), 'false');
    policy_command constant "char" := case when is_read_only then 'r' else '*' end;
    target record;
begin
    if not exists (select 1 from pg_roles where rolname = role_name) then
        raise exception 'There is no role "%". Create it first (create role % login password ''...'';), or change '
            'role_name in this file.', role_name, quote_ident(role_name);
    end if;
    if to_regclass('comet_schema') is null then
        raise exception 'There are no Comet tables in the schema "%". Run setup_database.sql first.', current_schema();
    end if;

    if not has_database_privilege(role_name, current_database(), 'connect') then
        execute format('grant connect on database %I to %I', current_database(), role_name);
    end if;

    for target in
        with package as (
            select
                class.oid,
                class.relname,
                class.relkind,
                class.relnamespace::regnamespace as schema_name
            from pg_class as class
            where
                class.relnamespace = (
                    select home.relnamespace from pg_class as home where home.oid = to_regclass('comet_schema')
                )
                and class.relkind in ('r', 'p', 'v')
                and (class.relname in ('creators', 'creator_stats') or starts_with(class.relname, 'comet_'))
        )

        select
            package.oid::regclass as name,
            package.schema_name,
            package.relkind <> 'v' as is_table,
            case
                when is_read_only or package.relkind = 'v' or package.relname = 'comet_schema' then 'select'
                else 'select, insert, update, delete'
            end as privileges,
            -- The original's SERIAL needs usage on its sequence; an identity column does not.
            (
                select dependency.objid::regclass
                from pg_depend as dependency
                inner join pg_class as id_sequence
                    on dependency.objid = id_sequence.oid and id_sequence.relkind = 'S'
                where
                    dependency.classid = 'pg_class'::regclass
                    and dependency.refclassid = 'pg_class'::regclass
                    and dependency.refobjid = package.oid
                    and dependency.deptype = 'a'
                limit 1
            ) as id_sequence,
            (
                select policy.polcmd
                from pg_policy as policy
                where policy.polrelid = package.oid and policy.polname = 'comets ' || role_name
            ) as policy_command
        from package
        order by package.relname
    loop
        execute format('grant usage on schema %s to %I', target.schema_name, role_name);
        execute format('revoke all on %s from %I', target.name, role_name);
        execute format('grant %s on %s to %I', target.privileges, target.name, role_name);
        if target.id_sequence is not null then
            execute format('revoke all on sequence %s from %I', target.id_sequence, role_name);
            if not is_read_only then
                execute format('grant usage on sequence %s to %I', target.id_sequence, role_name);
            end if;
        end if;
        continue when not target.is_table;
        if target.policy_command <> policy_command then
            execute format('drop policy %I on %s', 'comets ' || role_name, target.name);
        end if;
        if target.policy_command is distinct from policy_command then
            execute format(
                'create policy %I on %s for %s to %I using (true)',
                'comets ' || role_name, target.name, case when is_read_only then 'select' else 'all' end, role_name
            );
        end if;
    end loop;
end;
$$;

commit;
