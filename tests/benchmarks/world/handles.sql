-- Purpose: the handles of all creators; every tenth had another one before.
insert into comet_handles (user_id, handle, first_seen_at)
select
    creator.user_id,
    case when change.is_old then 'was.' else '' end || creator.handle as handle,
    creator.tracked_since
    + case when change.is_old then interval '2 hours' else interval '30 days' end as first_seen_at
from creators as creator
cross join (values (false), (true)) as change (is_old)
where not change.is_old or right(creator.user_id, 1) = '7'
