"""Measuring models: `measure(model, train, test)`; the table of metrics is `evaluation.metrics.METRICS`."""

from lprior.evaluation.measurement import measure

__all__ = ["measure"]
