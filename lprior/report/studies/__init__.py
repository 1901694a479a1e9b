"""The studies, a file each. Importing this package makes them known (`runs.STUDIES`)."""

from lprior.report.studies import ablation, codes, conditions, parzen, similarity

__all__ = ["ablation", "codes", "conditions", "parzen", "similarity"]
