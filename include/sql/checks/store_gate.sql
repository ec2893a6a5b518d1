-- Purpose: keep the verdict of one check of a run, tripped or not.
-- Inputs: what the check found. Grain: one row per run and gate.
-- Idempotent: it runs in the transaction that takes back the verdicts before.
insert into comet_gates (run_id, gate, figure, threshold, is_tripped, sentence)
values (%(run_id)s, %(gate)s, %(figure)s, %(threshold)s, %(is_tripped)s, %(sentence)s)
