-- Let all tasks of all runs decide one at a time whether to fetch the same account. Accounts share 128 rows, so that no
-- id is stored and the table stays small; a transaction locks one of them only, so that none can deadlock.
insert into comet_locks (bucket)
values (hashtextextended(%(asked_id)s::text, 0) & 127)
on conflict (bucket) do update set
    bucket = excluded.bucket
where false
