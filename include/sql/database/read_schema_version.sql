-- Purpose: which version of setup_database.sql was run on this database.
-- Inputs: comet_schema. Grain: one row. Idempotent: it only reads.
select version
from comet_schema
