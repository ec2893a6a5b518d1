-- Make the role of the setting `comets.owner` the owner of the database and of all that the current user owns in it.
-- Idempotent. `reassign owned` refuses the superuser of initdb, which also owns the system catalogues.
do $$
declare
    owner_name constant text := current_setting('comets.owner');
    statement text;
begin
    execute format('alter database %I owner to %I', current_database(), owner_name);
    for statement in
        with mine as (
            select
                namespace.oid,
                namespace.nspname
            from pg_namespace as namespace
            where namespace.nspname <> 'information_schema' and not starts_with(namespace.nspname, 'pg_')
        ),

        found as (
            select
                'schema' as kind,
                'pg_namespace'::regclass as catalogue,
                namespace.oid,
                quote_ident(namespace.nspname) as name
            from pg_namespace as namespace
            inner join mine on namespace.oid = mine.oid
            where namespace.nspowner = current_user::regrole
            union all
            -- Partitions, and sequences of other tables, are tables in `alter table`; a serial's follows its table.
            select
                'table' as kind,
                'pg_class'::regclass as catalogue,
                class.oid,
                class.oid::regclass::text as name
            from pg_class as class
            inner join mine on class.relnamespace = mine.oid
            where
                class.relowner = current_user::regrole
                and class.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
                and not exists (
                    select 1
                    from pg_depend as dependency
                    where
                        dependency.classid = 'pg_class'::regclass
                        and dependency.objid = class.oid
                        and class.relkind = 'S'
                        and dependency.deptype in ('a', 'i')
                )
            union all
            select
                'routine' as kind,
                'pg_proc'::regclass as catalogue,
                routine.oid,
                routine.oid::regprocedure::text as name
            from pg_proc as routine
            inner join mine on routine.pronamespace = mine.oid
            where routine.proowner = current_user::regrole
            union all
            -- Row types and array types follow theirs.
            select
                case when type.typtype = 'd' then 'domain' else 'type' end as kind,
                'pg_type'::regclass as catalogue,
                type.oid,
                type.oid::regtype::text as name
            from pg_type as type
            inner join mine on type.typnamespace = mine.oid
            left join pg_class as row_of on type.typrelid = row_of.oid
            where
                type.typowner = current_user::regrole
                and (type.typtype in ('d', 'e', 'r') or (type.typtype = 'c' and row_of.relkind = 'c'))
        )

        select format('alter %s %s owner to %I', found.kind, found.name, owner_name)
        from found
        where
            not exists (
                select 1
                from pg_depend as dependency
                where
                    dependency.classid = found.catalogue and dependency.objid = found.oid and dependency.deptype = 'e'
            )
    loop
        execute statement;
    end loop;
end;
$$;
