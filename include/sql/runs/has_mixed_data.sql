-- Return whether a run would mix made-up creators with real ones. Imported creators are real.
select
    exists (
        select 1
        from comet_runs
        where is_made_up <> %(is_made_up)s
    )
    or (
        %(is_made_up)s
        and exists (
            select 1
            from creators
            where found_by_run_id is null
        )
    ) as is_mixed
