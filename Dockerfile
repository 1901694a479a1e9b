# docker build -t lprior . && docker run -v "$PWD/results:/lprior/results" lprior --preset smoke
FROM python:3.12-slim-bookworm
RUN apt-get update && apt-get install -y --no-install-recommends git && rm -rf /var/lib/apt/lists/*
WORKDIR /lprior
COPY setup.sh requirements.lock pyproject.toml README.md LICENSE ./
RUN pip install --no-cache-dir --requirement requirements.lock && bash -c ". ./setup.sh && setup_latex"
COPY . .
RUN pip install --no-cache-dir --no-deps --editable .
ENTRYPOINT ["./run_all.sh"]
