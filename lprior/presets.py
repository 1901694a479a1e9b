"""Values, and nothing else: budgets, and recipes for an algorithm on a family of data. `config.resolve` reads them.

smoke   the whole path in seconds, on little data with tiny networks; no result worth looking at
quick   real training on two CPU cores in minutes, small networks (digits: compact; pictures: DCGAN's); the values were
        found by short trials; the report lists those that are recorded (docs/trials.csv)
full    for a GPU: the networks of Wang, Ko and Peng's table (digits), and SN-GAN's (pictures)
"""

from dataclasses import dataclass
from typing import Any

from lprior.algorithms.lpaae_tuned import READINGS

BUDGETS: dict[str, dict[str, dict[str, Any]]] = {  # budget -> family of data sets -> values
    "smoke": {
        "digits": {
            "epochs": 2, "images": 1280, "batch_size": 64, "networks": "compact", "width": 4, "code": 8,
            "ema_decay": 0.9, "samples": 1000,
        },
        "pictures": {
            "epochs": 2, "images": 1280, "batch_size": 64, "networks": "dcgan", "width": 4, "code": 8,
            "ema_decay": 0.9, "samples": 1000,
        },
        "scenes": {
            "epochs": 2, "images": 1280, "batch_size": 64, "networks": "dcgan", "width": 4, "code": 8,
            "ema_decay": 0.9, "samples": 1000,
        },
    },
    "quick": {
        "digits": {
            "epochs": 20, "images": None,
            "batch_size": 64,  # VAE/GAN's; in our trials the number of updates mattered more than the batch
            "networks": "compact", "width": 16,
            "code": 8,  # of the 2018 report's last MNIST runs
            "ema_decay": 0.999, "samples": 10_000,
        },
        "pictures": {
            "epochs": 10,  # in less than 20 minutes
            "images": None, "batch_size": 32, "networks": "dcgan", "width": 32,
            "code": 64,  # of the 2018 report's last settings; its pictures had 8
            "ema_decay": 0.999, "samples": 10_000,
        },
        "scenes": {
            "epochs": 20, "images": None, "batch_size": 32, "networks": "dcgan", "width": 16, "code": 64,
            "ema_decay": 0.999, "samples": 2000,
        },
    },
    "full": {
        "digits": {
            "epochs": 40, "images": None, "batch_size": 64, "networks": "paper", "width": 64,
            "spectral_norm": False,  # which the paper's table does not have
            "code": 8, "ema_decay": 0.999, "samples": 10_000,
        },
        "pictures": {
            "epochs": 22, "falling": 11,  # which two runs side by side on an H200 take 6 minutes for
            "images": None, "batch_size": 64, "networks": "strong", "width": 32,
            "spectral_norm": True, "code": 64, "ema_decay": 0.999, "samples": 10_000,
        },
        "scenes": {
            "epochs": 40, "images": None, "batch_size": 64, "networks": "dcgan", "width": 64, "code": 64,
            "ema_decay": 0.999, "samples": 2000,
        },
    },
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """`values` that hold where a run is as `when` says: its budget, its family, its `reading` and `condition`."""

    when: dict[str, str]
    values: dict[str, Any]


AAE_AS_PRINTED = [  # networks, and the size of a mini-batch
    Row({}, {"networks": "mlp"}),
    *(Row({"budget": budget}, {"width": 1000, "batch_size": 100}) for budget in ("quick", "full")),
]
GAME_ON_PICTURES = {"learning_rate": 4e-4, "learning_rate_D": 2e-4, "betas": (0.5, 0.999)}  # of decoder and Dis
FEATURES_OF_PICTURES = Row(  # the last block's 4x4 say little of where things are
    {"budget": "quick", "family": "pictures"}, {"feature_block": 2}
)
RECIPES = {  # algorithm -> rows, of which later ones win
    "aae": [
        # No image discriminator to pay for: for about the time of the others AAE gets twice their width, without which
        # its samples blend digits more often.
        Row({"budget": "quick", "family": "digits"}, {"epochs": 32, "width": 32}),
    ],
    "aaemlp": AAE_AS_PRINTED,
    "aaelabel": [*AAE_AS_PRINTED, Row({}, {"code": 15})],
    "aaeplane": [*AAE_AS_PRINTED, Row({}, {"code": 2, "labelled": 10_000})],
    "aaesemi": [*AAE_AS_PRINTED, Row({}, {"code": 20, "labelled": 100})],  # ten entries of style
    "lpaae": [
        Row({"reading": "printed"}, READINGS["printed"] | {"lam": 1.0}),  # the norm not squared is that much larger
        Row({"reading": "text"}, READINGS["text"]),
        Row({"reading": "tuned", "condition": "supervised"}, {"lam_info": 0.2}),
        Row({"reading": "tuned", "condition": "unsupervised"}, {"lam_info": 0.2}),
        Row(  # each of about twice the cost, for views and VAT
            {"budget": "quick", "family": "digits", "condition": "unsupervised"}, {"epochs": 12}
        ),
        Row(
            {"family": "pictures"},
            {
                "learning_rate": 4e-4, "betas": (0.5, 0.999),
                "learning_rate_D": 2e-4,  # at 4e-4, without spectral norm, D_I wins: FID falls, then rises
                "learning_rate_CG": 3e-5,  # a faster CG leaves D_C's codes and the moving average behind
            },
        ),
        Row(
            {"family": "pictures", "reading": "tuned"},
            {
                "squared": False, "lam": 0.3,  # whatever the scale of the features, the norm pulls with the same force
                "lam_C": 1.0, "lam_CG": 0.1,
                "x_rec_is_fake": True,  # D_I then has more to do, and stays in play
                "instance_noise": 0.1,  # without, D_I is far ahead after ten epochs (on JPEG pictures, and "quick")
            },
        ),
        Row(  # tried on held-out pictures (docs/trials.csv); with labels it is level in FID and behind in score
            {"family": "pictures", "reading": "tuned", "condition": "none"}, {"lam": 1.0}
        ),
        Row(  # labels keep D_I in play
            {"family": "pictures", "reading": "tuned", "condition": "supervised"}, {"instance_noise": 0.0}
        ),
        Row(  # spectral normalisation in each layer keeps it in play, too: it may be as fast as the decoder
            {"budget": "full", "family": "pictures", "reading": "tuned"},
            {"lam": 1.0, "learning_rate_D": 4e-4, "betas": (0.0, 0.9), "instance_noise": 0.0},
        ),
    ],
    "lptext": [
        Row(
            {},
            {
                "learning_rate": 1e-3, "learning_rate_D": 2e-3, "lam_info": 0.5,
                "squared": False, "instance_noise": 0.1,  # as on pictures
                "lam": 2.0,  # with 0.3, half of the digits were no longer legible in reconstructions
                # CG goes to the codes rather than they to it: at 1.0 and 3.0 they came to say only what captions say,
                # and less than that
                "lam_C": 0.1, "lam_CG": 1.0,
            },
        ),
    ],
    "vaegan": [
        Row({"budget": "quick", "family": "digits"}, {"epochs": 24}),
        Row(
            {"family": "pictures"},
            GAME_ON_PICTURES | {
                "x_rec_is_fake": True,  # without, reconstructions are blurred, and Dis is soon too far ahead
            },
        ),
        Row(  # rates as LP-AAE's there; at a deviation of 1 L_prior wins, and all samples have one colour
            {"budget": "full", "family": "pictures"},
            {"learning_rate_D": 4e-4, "betas": (0.0, 0.9), "feature_deviation": 0.1},
        ),
        FEATURES_OF_PICTURES,
    ],
    # as VAE/GAN, of which they are parts; no settings of their own were sought
    "gan": [Row({"budget": "quick", "family": "pictures"}, GAME_ON_PICTURES)],
    "vaedis": [Row({"budget": "quick", "family": "pictures"}, GAME_ON_PICTURES), FEATURES_OF_PICTURES],
}  # fmt: skip
