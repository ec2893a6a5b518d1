-- Purpose: the checks of each run; those of one run by hand in ten have stopped it.
insert into comet_gates (run_id, gate, figure, threshold, is_tripped, sentence)
select
    run.run_id,
    gate.name as gate,
    0.1 as figure,
    0.5 as threshold,
    starts_with(run.run_id, 'manual__')
    and gate.name = 'roll_call.answered'
    and extract(day from run.recorded_date) = 10 as is_tripped,
    'A sentence about what the check has found.' as sentence
from comet_runs as run
cross join (
    values
    ('search.items_accounted_for'), ('search.hashtags_that_gave'), ('search.items_without_id'),
    ('search.videos_without_play_count'), ('roll_call.answered'), ('roll_call.profiles_without_followers'),
    ('roll_call.followers_halved')
) as gate (name)
