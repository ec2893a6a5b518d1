# The slim image holds Airflow's core and no providers, so the versions inside are those of the lock and no others.
FROM apache/airflow:slim-3.3.2-python3.12

COPY --chown=airflow:0 requirements.txt /tmp/requirements.txt
RUN pip install --no-cache-dir --require-hashes --requirement /tmp/requirements.txt

# Compose mounts the same folders over these, read-only, so that an edit needs no new image.
COPY --chown=airflow:0 dags /opt/airflow/dags
COPY --chown=airflow:0 plugins /opt/airflow/plugins
COPY --chown=airflow:0 include /opt/airflow/include

ENV PYTHONPATH=/opt/airflow:/opt/airflow/plugins:/opt/airflow/include/stack/preload
# The base image's entrypoint starts `airflow`; the one found here first resolves the settings and goes on to the real one.
ENV PATH=/opt/airflow/include/docker/bin:$PATH
USER 50000
