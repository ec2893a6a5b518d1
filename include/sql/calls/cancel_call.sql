delete from comet_calls
where call_id = %(call_id)s
