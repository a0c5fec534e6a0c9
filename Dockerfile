FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/rollcall
WORKDIR /src
COPY requirements.lock .
RUN /opt/rollcall/bin/pip install --require-hashes --only-binary=:all: -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY operator operator
RUN pip wheel --no-deps --wheel-dir /dist . \
    && /opt/rollcall/bin/pip install --no-deps --no-index /dist/*.whl \
    && /opt/rollcall/bin/pip uninstall --yes pip

FROM python:3.13-slim
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="rollcall" \
      org.opencontainers.image.description="Service discovery for Kubernetes that leaves the cluster" \
      org.opencontainers.image.source="https://github.com/rollcall-dev/rollcall" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /opt/rollcall /opt/rollcall
ENV PATH=/opt/rollcall/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# A number: runAsNonRoot can't tell whether a name is root.
USER 65532:65532
EXPOSE 10053/udp 10053/tcp 8080/tcp
ENTRYPOINT ["rollcall"]
