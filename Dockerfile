# One image for every service of docker-compose.yml: workers, Flower, producer and the lab.
#
# The first stage installs the packages pinned in requirements.lock, from wheels, with their hashes
# verified. The last stage copies only the result, without pip's cache or any build tools. The
# builder's pip configuration decides where packages come from.

FROM python:3.13-slim AS packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
RUN python -m venv --without-pip /opt/poolwise
COPY requirements.lock ./
# Wheels only: a source package would need a compiler and build tools that no lock pins.
RUN --mount=type=cache,target=/root/.cache/pip \
    pip --python /opt/poolwise/bin/python install \
        --require-hashes --only-binary :all: --requirement requirements.lock

# Poolwise's own code is a separate stage, so that a code change adds a layer of only a megabyte.
FROM packages AS project
WORKDIR /app
COPY pyproject.toml README.md LICENSE ./
COPY tasks tasks
COPY worker worker
COPY producer producer
COPY cluster cluster
COPY kombu_lease kombu_lease
COPY monitor monitor
COPY lab lab
# Editable, so that code has the same layout in the container as in a clone: tasks/, worker/, ...
RUN pip --python /opt/poolwise/bin/python install --no-deps --no-build-isolation --no-compile \
        --no-cache-dir --prefix /project --editable . \
    && python -m compileall -q kombu_lease tasks worker producer cluster monitor lab

FROM python:3.13-slim
# On most Linux machines 1000 is the first user, who can then read what the lab writes to ./runs.
RUN groupadd --gid 1000 poolwise \
    && useradd --uid 1000 --gid 1000 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin poolwise
# For results, if ./runs belongs to a user that the container does not run as.
RUN install --directory --mode 1777 /results
COPY --from=packages /opt/poolwise /opt/poolwise
COPY --from=project /project /opt/poolwise
COPY --from=project /app /app
COPY --chmod=755 docker/entrypoint /usr/local/bin/poolwise-entrypoint

# Unbuffered logs; no .pyc files, because the containers' file systems are read-only.
ENV PATH=/opt/poolwise/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
USER 1000:1000
EXPOSE 5555

# SIGTERM is Celery's warm shutdown: take no new tasks, finish the running ones, return the rest to
# the queue. This takes as long as the longest task, 45 s here, which exceeds Docker's default of
# 10 s: docker-compose.yml sets `stop_grace_period: 60s`; otherwise use `docker stop -t 60`. After
# that comes SIGKILL, and interrupted tasks are redelivered a minute later.
STOPSIGNAL SIGTERM
ENTRYPOINT ["poolwise-entrypoint"]
CMD ["poolwise", "--help"]
