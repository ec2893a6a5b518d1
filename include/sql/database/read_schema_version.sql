select version
from comet_schema
