"""The studies, a file each. Importing this package makes them known (`runs.STUDIES`); a new one is a file and a line here."""

from lprior.report.studies import ablation, codes

__all__ = ["ablation", "codes"]
