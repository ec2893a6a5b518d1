-- Idempotent: a page that another run landed first stays, and no page_id is returned.
insert into comet_pages (
    search_id, attempt_number, run_id, page_offset, page_size, next_offset,
    received_count, landed_count, rejected_count, observed_at
)
values (
    %(search_id)s, %(attempt_number)s, %(run_id)s, %(page_offset)s, %(page_size)s, %(next_offset)s,
    %(received_count)s, %(landed_count)s, %(rejected_count)s, %(observed_at)s
)
on conflict (search_id, attempt_number, page_offset) do nothing
returning page_id
