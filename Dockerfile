# By digest: COMETS_AIRFLOW_IMAGE in .env, see docs/howto/docker.md.
ARG AIRFLOW_IMAGE=apache/airflow:slim-3.3.2-python3.12
# The slim image has no providers, so every version comes from requirements.txt.
FROM ${AIRFLOW_IMAGE}

COPY --chmod=644 requirements.txt /tmp/requirements.txt
RUN pip install --no-cache-dir --require-hashes --requirement /tmp/requirements.txt

# Owned by root: the containers' user runs the code and can't change it. The sticky bit keeps it from replacing the
# folders, and lets it write Airflow's configuration file beside them where the file system is writable.
COPY dags /opt/airflow/dags
COPY plugins /opt/airflow/plugins
COPY include /opt/airflow/include
USER root
RUN chmod -R u=rwX,go=rX /opt/airflow/dags /opt/airflow/plugins /opt/airflow/include \
    && install --directory --owner=50000 --group=0 --mode=770 /opt/airflow/backups \
    && chown root:0 /opt/airflow \
    && chmod 1775 /opt/airflow

ENV PYTHONPATH=/opt/airflow:/opt/airflow/plugins:/opt/airflow/include/stack/preload
# This `airflow` resolves the settings, then runs the real one.
ENV PATH=/opt/airflow/include/docker/bin:$PATH
USER 50000
