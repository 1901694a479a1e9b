"""lprior: a reproduction of *Learning Priors for Adversarial Autoencoders*. The README says where to look.

Nothing heavy is imported here; `import lprior` stays fast.
"""

__version__ = "0.1.0"
