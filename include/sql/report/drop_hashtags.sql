-- Purpose: drop the figures of hashtags that a run no longer has, because it was accepted anew with others.
-- Inputs: the hashtags that it has, bound. Output: comet_run_hashtags. Grain: one row per run and hashtag.
-- Idempotent: a second run finds none.
delete from comet_run_hashtags
where run_id = %(run_id)s and not hashtag = any(%(hashtags)s::text[])
