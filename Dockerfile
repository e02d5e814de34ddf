# syntax=docker/dockerfile:1.7
# The platform as one image: code server, daemon, web server and webhooks differ by their command.
# docker-compose.yml builds it with EXTRAS=local, which adds the servers of a laptop.
# A newer base is a new tag and digest here: --build-arg BASE=… tries one.
ARG BASE=python:3.11.14-slim-bookworm@sha256:65a93d69fa75478d554f4ad27c85c1e69fa184956261b4301ebaf6dbb0a3543d

FROM ${BASE} AS build
ARG EXTRAS=production
ENV PYTHONDONTWRITEBYTECODE=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
COPY pyproject.toml requirements.lock README.md ./
COPY deploy/image/lock.py deploy/image/lock.py
# The packages change seldom, the code often: packages first, in a layer of their own.
# hadolint ignore=SC2086
RUN python deploy/image/lock.py ${EXTRAS} > requirements.txt \
    && python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --no-deps --require-hashes -r requirements.txt
COPY dataplatform dataplatform
# pip compiles what it installs, once, here; it stays behind itself.
RUN /opt/venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation . \
    && /opt/venv/bin/pip uninstall --yes pip

FROM ${BASE} AS runtime
# Fixed numbers: volumes and Kubernetes' runAsUser name them.
RUN groupadd --gid 10001 dataplatform \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /app dataplatform \
    && mkdir -p /app/.dataplatform /var/lib/dataplatform \
    && chown -R 10001:10001 /app /var/lib/dataplatform
COPY --from=build /opt/venv /opt/venv
WORKDIR /app
COPY --chown=10001:10001 config config
COPY --chown=10001:10001 dbt_project dbt_project
COPY --chown=10001:10001 deploy/dagster /opt/dagster
COPY --chown=10001:10001 workspace.yaml dagster.yaml ./
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DATAPLATFORM_PROJECT=/app \
    DATAPLATFORM_ENV=production \
    DAGSTER_HOME=/opt/dagster
USER 10001:10001
# The graph must load with every outside system down; it leaves dbt's manifest in the image.
RUN python -c "import dataplatform.definitions"
EXPOSE 3000 4000
HEALTHCHECK --interval=15s --timeout=10s --start-period=90s --retries=3 \
    CMD ["dagster", "api", "grpc-health-check", "-p", "4000"]
CMD ["dagster", "api", "grpc", "-h", "0.0.0.0", "-p", "4000", "-m", "dataplatform.definitions", "-a", "defs", "--location-name", "dataplatform"]
