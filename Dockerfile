# One image for every service of docker-compose.yml: workers, Flower, producer and the lab.
#
# What is pinned in requirements.lock is installed from wheels, checked against its hashes, in a
# stage of its own; the last stage takes over the result, and with it neither pip's cache nor
# anything that only a build needs. Where packages come from is the builder's pip configuration.

FROM python:3.13-slim AS packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
RUN python -m venv --without-pip /opt/poolwise
COPY requirements.lock ./
# Wheels only: a source package would want a compiler, and build tools that no lock pins.
RUN --mount=type=cache,target=/root/.cache/pip \
    pip --python /opt/poolwise/bin/python install \
        --require-hashes --only-binary :all: --requirement requirements.lock

# Our own code apart from the packages: a change of it costs a layer of a megabyte.
FROM packages AS project
WORKDIR /app
COPY pyproject.toml README.md LICENSE ./
COPY tasks tasks
COPY worker worker
COPY producer producer
COPY cluster cluster
COPY monitor monitor
COPY lab lab
# In place, so that in the container the code is where it is in a clone: tasks/, worker/, ...
RUN pip --python /opt/poolwise/bin/python install --no-deps --no-build-isolation --no-compile \
        --no-cache-dir --prefix /project --editable . \
    && python -m compileall -q tasks worker producer cluster monitor lab

FROM python:3.13-slim
# 1000 is the first user of most Linux machines, who can then read what the lab writes to ./runs.
RUN groupadd --gid 1000 poolwise \
    && useradd --uid 1000 --gid 1000 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin poolwise
COPY --from=packages /opt/poolwise /opt/poolwise
COPY --from=project /project /opt/poolwise
COPY --from=project /app /app
COPY --chmod=755 docker/entrypoint /usr/local/bin/poolwise-entrypoint

# Log lines as they happen; no .pyc files, for the containers' file systems are read-only.
ENV PATH=/opt/poolwise/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
USER 1000:1000
EXPOSE 5555

# SIGTERM is Celery's warm shutdown: no new task, finish the running ones, hand back the rest. It
# takes as long as the longest task, 45 s here, so whoever stops a container has to wait longer than
# Docker's 10 s: docker-compose.yml says `stop_grace_period: 60s`, without it `docker stop -t 60`.
# After that comes SIGKILL, and what still ran is delivered again a minute later.
STOPSIGNAL SIGTERM
ENTRYPOINT ["poolwise-entrypoint"]
CMD ["poolwise", "--help"]
