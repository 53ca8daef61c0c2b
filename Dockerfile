# One image for the API, the workers and the sweeper; a container's command decides which it is. The
# target `training` adds torch, for workers that train. `make pin-images` fixes the base image's digest.
FROM python:3.11-slim AS build
WORKDIR /src
COPY requirements/run.lock requirements/
RUN python -m venv /opt/venv \
 && /opt/venv/bin/pip install --no-cache-dir --require-hashes --no-deps -r requirements/run.lock
COPY . .
# Installed from a wheel: no tests, no sources beside it. pip compiles it now, because at run time the
# file system is read-only.
RUN /opt/venv/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /dist . \
 && /opt/venv/bin/pip install --no-cache-dir --no-deps /dist/*.whl

FROM build AS build-training
# The CUDA build; the other locks leave out torch, whose CPU builds are other files.
RUN /opt/venv/bin/pip install --no-cache-dir --require-hashes --no-deps -r requirements/training.lock \
 && /opt/venv/bin/pip install --no-cache-dir --require-hashes --no-deps -r requirements/torch.lock

FROM python:3.11-slim AS machine
# The embedded model's server needs OpenMP. A deployment with its own endpoint does not.
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 \
 && rm -rf /var/lib/apt/lists/* && useradd --create-home seedbed \
 && install -d -o seedbed /var/lib/seedbed
# Safe path: a folder named `app` where a process is started is not imported instead of ours.
ENV PATH=/opt/venv/bin:$PATH SEEDBED_DATA_DIR=/var/lib/seedbed PYTHONUNBUFFERED=1 PYTHONSAFEPATH=1
WORKDIR /var/lib/seedbed
USER seedbed
CMD ["python", "-m", "app.api"]

FROM machine AS training
ENV HF_HOME=/var/lib/seedbed/models/hub
COPY --from=build-training /opt/venv /opt/venv

FROM machine
COPY --from=build /opt/venv /opt/venv
