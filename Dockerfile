# One image for the API, the workers and the sweeper; a container's command decides which it is. The
# target `training` adds torch, for workers that train.
FROM python:3.11-slim AS build
WORKDIR /srv/seedbed
COPY requirements/run.lock requirements/run.lock
RUN python -m venv /opt/venv \
 && /opt/venv/bin/pip install --no-cache-dir --require-hashes --no-deps -r requirements/run.lock
COPY . .
# Compile now: at run time the file system is read-only.
RUN /opt/venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation -e . \
 && /opt/venv/bin/python -m compileall -q app workers migrations

FROM build AS build-training
RUN /opt/venv/bin/pip install --no-cache-dir --require-hashes --no-deps -r requirements/training.lock \
 && /opt/venv/bin/pip install --no-cache-dir -r requirements/torch.txt

FROM python:3.11-slim AS machine
# The embedded model's server needs OpenMP. A deployment with its own endpoint does not.
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 \
 && rm -rf /var/lib/apt/lists/* && useradd --create-home seedbed \
 && install -d -o seedbed /var/lib/seedbed
ENV PATH=/opt/venv/bin:$PATH SEEDBED_DATA_DIR=/var/lib/seedbed PYTHONUNBUFFERED=1
WORKDIR /srv/seedbed
USER seedbed
CMD ["python", "-m", "app.api"]

FROM machine AS training
ENV HF_HOME=/var/lib/seedbed/models/hub
COPY --from=build-training /opt/venv /opt/venv
COPY --from=build /srv/seedbed /srv/seedbed

FROM machine
COPY --from=build /opt/venv /opt/venv
COPY --from=build /srv/seedbed /srv/seedbed
