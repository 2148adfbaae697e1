# The image of the server: the binary, the few libraries it needs, certificates, and nothing else: no shell, no package manager.
# Dependencies are a layer of their own, which is built again only when Cargo.lock or a manifest changes.
#
#   docker build --tag opendata-log .

# Both bases are Debian 12, so that the binary finds the C library that it was linked with, and are named by digest, so that the
# same commit is built from the same bytes. To build from a mirror: --build-context NAME=docker-image://MIRROR, with NAME as below.
FROM docker.io/library/rust:1.95-bookworm@sha256:6258907abe69656e41cd992e0b705cdcfabcbbe3db374f92ed2d47121282d4a1 AS tools
# cargo-auditable writes the list of crates into the binary, where scanners and SBOM generators find it.
RUN cargo install --locked cargo-chef@0.1.78 cargo-auditable@0.7.7
# jemalloc runs where memory pages are at most as large as those that it was built for: kernels of arm64 have up to 64 KiB.
ENV AARCH64_UNKNOWN_LINUX_GNU_JEMALLOC_SYS_WITH_LG_PAGE=16
WORKDIR /src

FROM tools AS plan
COPY . .
RUN cargo chef prepare --recipe-path recipe.json

FROM tools AS build
COPY --from=plan /src/recipe.json recipe.json
RUN cargo chef cook --profile dist --locked --package log-app --recipe-path recipe.json
COPY . .
RUN cargo auditable build --profile dist --locked --package log-app \
    && install -D --mode 0755 target/dist/opendata-log /out/usr/local/bin/opendata-log \
    && install -d --mode 0755 /out/var/lib/opendata-log

FROM gcr.io/distroless/cc-debian12:nonroot@sha256:9dac0a79194e45a7da0158a9c6da57b217585af0786db3845d1f0ec1a0dd182f AS runtime
ARG VERSION=dev
ARG REVISION=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="opendata-log" \
      org.opencontainers.image.description="A key-oriented, append-only log server on object storage" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}"
COPY --from=build /out/usr/local/bin/opendata-log /usr/local/bin/opendata-log
# Somewhere to write for who runs the image without more ado; the chart has no use for it.
COPY --from=build --chown=65532:65532 /out/var/lib/opendata-log /var/lib/opendata-log
USER 65532:65532
# Who publishes the port without tokens must say that everybody may write; see docs/deployment.md.
ENV LOG_AUTH__I_KNOW_THAT_EVERYBODY_CAN_WRITE=false
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/opendata-log"]
CMD ["--host", "0.0.0.0", "--data-dir", "/var/lib/opendata-log"]
