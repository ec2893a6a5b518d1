# The slim image has no providers, so every version comes from requirements.txt.
FROM apache/airflow:slim-3.3.2-python3.12

COPY --chown=airflow:0 requirements.txt /tmp/requirements.txt
RUN pip install --no-cache-dir --require-hashes --requirement /tmp/requirements.txt

COPY --chown=airflow:0 dags /opt/airflow/dags
COPY --chown=airflow:0 plugins /opt/airflow/plugins
COPY --chown=airflow:0 include /opt/airflow/include

ENV PYTHONPATH=/opt/airflow:/opt/airflow/plugins:/opt/airflow/include/stack/preload
# This `airflow` resolves the settings, then runs the real one.
ENV PATH=/opt/airflow/include/docker/bin:$PATH
USER 50000
