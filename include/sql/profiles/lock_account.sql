-- Let all tasks of all runs decide one at a time whether to fetch the same account.
select pg_advisory_xact_lock(hashtextextended('comet_discovery profile ' || %(asked_id)s, 0))
