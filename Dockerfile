# The platform with everything `make setup` installs; docker-compose.yml builds and runs it.
FROM python:3.12-slim-bookworm
RUN apt-get update \
    && apt-get install -y --no-install-recommends make git \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY pyproject.toml requirements.lock Makefile README.md ./
COPY .ci .ci
COPY dataplatform dataplatform
RUN make setup
COPY . .
EXPOSE 3000
CMD ["make", "dev", "DEV_HOST=0.0.0.0"]
