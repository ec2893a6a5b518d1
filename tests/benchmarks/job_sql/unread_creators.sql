-- Purpose: the tracked creators whose profile has not been read on the day.
select user_id
from dlt_days.creators as creator
where
    not exists (
        select 1
        from dlt_days.profiles as profile
        where profile.user_id = creator.user_id and profile.recorded_date = %(day)s
    )
