"""Variants: named changes of settings, the algorithm's own or the run's; the name becomes part of the run's name."""

READINGS = {
    "text": {"reading": "text"},
    "printed": {"reading": "printed", "lam": 1.0},  # the norm that is not squared is that much larger
}
ABLATION = {  # LP-AAE as "tuned", with one thing at a time as it is printed, or otherwise left out
    "frozen": {"CG_learns": False},
    "norm": {"squared": False, "lam": 1.0},
    "two_passes": {"one_pass": False},
    "saturating": {"nonsaturating": False},
    "lam_C_1": {"lam_C": 1.0},
    "lam_CG_0": {"lam_CG": 0.0},
    "two_phases": {"joint": False},
    "rec_fake": {"x_rec_is_fake": True},
    "three_updates": {"autoencoder_updates": 3},
    "one_rate": {"learning_rate_D": 3e-4},
    "no_ema": {"ema_decay": 0.0},
    "no_spectral_norm": {"spectral_norm": False},
}
SUPERVISED = {"condition": "supervised", "lam_info": 0.2}
UNSUPERVISED = {"condition": "unsupervised", "lam_info": 0.2}
CODES = (2, 8, 32, 64)  # entries of a code
VARIANTS = {
    "aae": {},
    "lpaae": {
        "fixed": {"prior": "fixed"},
        **READINGS,
        "long": {"epochs": 30, "falling": 6},
        "supervised": SUPERVISED,
        "supervised_long": SUPERVISED | {"epochs": 22},
        "unsupervised": UNSUPERVISED,
        "unsupervised_long": UNSUPERVISED | {"epochs": 26},
        **ABLATION,
        **{f"code_{size}": {"code": size} for size in CODES},
        **{f"fixed_code_{size}": {"prior": "fixed", "code": size} for size in CODES},
        "no_instance_noise": {"instance_noise": 0.0},  # which digits do not have anyway
    },
    "vaegan": {  # one thing at a time
        "saturating": {"nonsaturating": False},
        "rec_fake": {"x_rec_is_fake": True},
        "balanced": {"balanced": True},
        "leaking": {"leaking": True},
        "gamma_1": {"gamma": 1.0},
        "gamma_0": {"gamma": 0.001},
        "first_features": {"feature_block": 1},
        "no_spectral_norm": {"spectral_norm": False},
    },
}
TITLES = {
    "aae": "AAE",
    "lpaae": "LP-AAE",
    "lpaae-fixed": "LP-AAE, fixed prior",
    "lpaae-long": "LP-AAE, long run",
    "lpaae-text": "LP-AAE, text",
    "lpaae-printed": "LP-AAE, printed",
    "lpaae-supervised": "LP-AAE, supervised",
    "lpaae-supervised_long": "LP-AAE, supervised, long run",
    "lpaae-unsupervised": "LP-AAE, unsupervised",
    "lpaae-unsupervised_long": "LP-AAE, unsupervised, long run",
    "lpaae-frozen": "CG never updated",
    "lpaae-norm": "norm not squared",
    "lpaae-two_passes": "two decoder passes",
    "lpaae-saturating": "saturating losses",
    "lpaae-lam_C_1": "full weight of D_C in enc",
    "lpaae-lam_CG_0": "no D_C in CG",
    "lpaae-two_phases": "two updates per mini-batch",
    "lpaae-rec_fake": "reconstructions as fakes",
    "lpaae-three_updates": "three autoencoder updates",
    "lpaae-one_rate": "one learning rate",
    "lpaae-no_ema": "no moving average",
    "lpaae-no_spectral_norm": "no spectral normalisation",
    "lpaae-no_instance_noise": "LP-AAE, no instance noise",
    **{f"lpaae-code_{size}": f"LP-AAE, code of {size}" for size in CODES},
    **{f"lpaae-fixed_code_{size}": f"LP-AAE, fixed prior, code of {size}" for size in CODES},
    "vaegan": "VAE/GAN",
    "vaegan-saturating": "saturating loss",
    "vaegan-rec_fake": "reconstructions as fakes",
    "vaegan-balanced": "balance rule",
    "vaegan-leaking": "gradients leak",
    "vaegan-gamma_1": "gamma 1",
    "vaegan-gamma_0": "gamma 0.001",
    "vaegan-first_features": "features of the first block",
    "vaegan-no_spectral_norm": "no spectral normalisation",
}
