# The programs of Concordat in an image: docs/operations.md, Containers.
#
# Nothing here is beyond the builder of Docker 20.10 (DOCKER_BUILDKIT=0).

# Any image with glibc and libgcc: the programs need nothing else. Where no registry can be reached, one from debootstrap.
ARG BASE_IMAGE=debian:bookworm-slim
# Debian with Rust. Where the build context has the programs in a folder programs/, any image with a shell.
ARG BUILD_IMAGE=rust:1.89-bookworm

FROM ${BUILD_IMAGE} AS build
# For `--version`; the context has no repository.
ARG GIT_HASH=unknown
# Volumes take the owner of the folder that they are mounted on, so one must be there for each member.
ARG MEMBERS="bank-a bank-b bank-c bank-d central-bank"
WORKDIR /source
COPY . .
RUN set -eu; \
    mkdir -p -m 0755 /out/bin /out/network; \
    for member in ${MEMBERS}; do mkdir -m 0700 "/out/network/${member}"; done; \
    if [ ! -d programs ]; then \
        apt-get update; \
        apt-get install --yes --no-install-recommends g++ libclang1-14 libclang-common-14-dev; \
        CONCORDAT_GIT_HASH="${GIT_HASH}" cargo build --release --locked --workspace \
            --bin concordat --bin concordat-node --bin concordat-validator; \
        ln -s target/release programs; \
    fi; \
    for program in concordat concordat-node concordat-validator; do \
        install -m 0755 "programs/${program}" /out/bin/; \
    done

FROM ${BASE_IMAGE}
COPY --from=build /out/bin/ /usr/local/bin/
COPY --from=build --chown=65532:65532 /out/network/ /network/
USER 65532:65532
