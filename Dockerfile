FROM python:3.12.11-slim-bookworm AS build
WORKDIR /src
COPY requirements.lock ./
RUN python -m venv /opt/voice-slo \
    && /opt/voice-slo/bin/pip install --no-cache-dir --require-hashes --no-deps -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY voice_slo voice_slo
COPY exporter exporter
COPY prometheus_rules prometheus_rules
COPY grafana grafana
COPY interchange interchange
COPY voice_slo_cli voice_slo_cli
RUN /opt/voice-slo/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.12.11-slim-bookworm
RUN useradd --system --uid 65532 --user-group --no-create-home voice-slo \
    && install --directory --owner=65532 --group=65532 --mode=0700 /var/lib/voice-slo
COPY --from=build /opt/voice-slo /opt/voice-slo
ENV PATH=/opt/voice-slo/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
VOLUME /var/lib/voice-slo
EXPOSE 9477
CMD ["voice-slo", "serve", "--config", "/etc/voice-slo/exporter.yaml"]
