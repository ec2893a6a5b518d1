-- Count the runs of forget_creator that have erased a creator since an instant; those of comet_discovery erase only
-- further ids of erased creators.
select count(distinct erased.run_id) as erasure_count
from comet_erased_ids as erased
where
    erased.erased_at >= %(since)s
    and not exists (
        select 1
        from comet_runs as run
        where run.run_id = erased.run_id
    )
