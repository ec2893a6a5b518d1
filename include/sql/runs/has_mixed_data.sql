-- Purpose: tell whether a run would mix made-up creators with real ones. Those of the original are real.
-- Inputs: comet_runs, creators, whether the run's creators are made up. Grain: one row. Idempotent: it only reads.
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
