"""Each algorithm against a plain transcription of its pseudo-code.

The transcriptions import nothing from the package. A phase is a function of the networks, the batch and the noise that
returns, for each network that moves in it, the cost which that network descends. Everything below is checked against
these: which network moves in which update, in which direction, and by how much.
"""

import copy
import inspect
from dataclasses import asdict
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.optim import SGD

from lprior.algorithms import ALGORITHMS, aae, aaemlp, lpaae, lpaae_tuned, vaegan
from lprior.algorithms.conditions import NONE, Supervised, Unsupervised
from lprior.algorithms.lpaae_tuned import READINGS, of_reading
from lprior.errors import UserError
from lprior.networks import MLP, Compact
from lprior.report.studies import ablation
from lprior.runs import VARIANTS
from lprior.streams import generator

CODE, BATCH, RATE = 3, 8, 0.05
WARPS = 2 * torch.rand(BATCH, 5, generator=torch.Generator().manual_seed(2)) - 1  # of views
GRAIN = torch.randn(BATCH, 1, 4, 4, generator=torch.Generator().manual_seed(3))  # of what D_I sees


def log(probability_logit):
    """log of sigmoid, written out."""
    return torch.log(1 / (1 + torch.exp(-probability_logit))).mean()


def log_not(probability_logit):
    """log of 1 - sigmoid, written out."""
    return torch.log(1 - 1 / (1 + torch.exp(-probability_logit))).mean()


def mean_squares(a, b):
    return ((a - b) ** 2).mean()


# AAE, Makhzani et al.: reconstruction, then the discriminator, then the encoder against it


def aae_reconstruction(nets, c, x, noise):
    L_rec = mean_squares(x, nets.dec(nets.enc(x)))
    return {"enc": c.lam * L_rec, "dec": c.lam * L_rec}


def aae_discriminator(nets, c, x, noise):
    return {"D_C": -(log(nets.D_C(noise[0])) + log_not(nets.D_C(nets.enc(x))))}


def aae_encoder(nets, c, x, noise):
    return {"enc": -log(nets.D_C(nets.enc(x)))}


# LP-AAE, Wang, Ko and Peng, as printed but for its signs: every network in its own pass, CG at rest


def lpaae_printed_losses(nets, x, z):
    z_c, z_x = nets.CG(z), nets.enc(x)
    x_rec, x_noise = nets.dec(z_x), nets.dec(z_c)
    difference = (nets.D_I(x)[1] - nets.D_I(x_rec)[1]).reshape(BATCH, -1)
    return {
        "L_GAN_C": -(log(nets.D_C(z_c)) + log_not(nets.D_C(z_x))),
        "L_rec": torch.sqrt((difference**2).sum(1)).sum() / BATCH,
        "L_GAN_I": -(log(nets.D_I(x)[0]) + log_not(nets.D_I(x_noise)[0]) + log_not(nets.D_I(x_rec)[0])),
    } | info_losses(nets, x, x_noise, z)  # fmt: skip


def lpaae_printed_aae_phase(nets, c, x, noise):
    L = lpaae_printed_losses(nets, x, noise[0])
    return {"D_C": L["L_GAN_C"], "enc": -L["L_GAN_C"] + L["L_rec"], "dec": c.lam * L["L_rec"]}


def lpaae_printed_prior_phase(nets, c, x, noise):
    L = lpaae_printed_losses(nets, x, noise[1])
    costs = {"D_I": L["L_GAN_I"], "dec": -L["L_GAN_I"]}
    return with_info(nets, costs, L["L_info"], makers=["dec"]) if nets.Q else costs


# The same with CG updated beside dec, as the paper's figure and text have it


def lpaae_CG_learns_prior_phase(nets, c, x, noise):
    L = lpaae_printed_losses(nets, x, noise[1])
    costs = {"D_I": L["L_GAN_I"], "dec": -L["L_GAN_I"], "CG": -L["L_GAN_I"]}
    return with_info(nets, costs, L["L_info"], makers=["dec", "CG"]) if nets.Q else costs


# The conditional variable: the noise is [z, s], and Q is a head on D_I's features


def minus_log_Q(nets, features, s):
    return -(s * torch.log(torch.softmax(nets.Q(features), dim=1))).sum() / BATCH


def info_losses(nets, x, x_noise, noise):
    if nets.Q is None:
        return {}
    s, tuned = noise[:, CODE:], getattr(nets.config, "reading", "printed") == "tuned"
    if tuned and nets.config.condition == "unsupervised":
        of_x, of_view = (torch.softmax(nets.Q(nets.D_I(images)[1]), dim=1) for images in (x, warped(x)))
        L_info = minus_log_Q(nets, nets.D_I(warped(x_noise))[1], s)
        used = (of_x.sum(0) + of_view.sum(0)) / (2 * BATCH)
        L_view = -information(of_x, of_view) + nets.config.lam_H * (used * torch.log(used)).sum()
        return {"L_info": L_info, "L_view": L_view, "L_VAT": most_changed(nets, x)}
    L = {"L_info": minus_log_Q(nets, nets.D_I(x_noise)[1], s)}
    return L | ({"L_label": minus_log_Q(nets, nets.D_I(x)[1], s)} if tuned else {})


def most_changed(nets, x):
    """KL(p(x) || p(x + r)), r of length 1.5 along the gradient of the same at the grain's direction, at length 1."""

    def divergence(r):
        p, q = (torch.softmax(nets.Q(nets.D_I(images)[1]), dim=1) for images in (x, x + r))
        return (p.detach() * torch.log(p.detach() / q)).sum() / BATCH

    def of_length_one(images):
        return torch.stack([image / torch.sqrt((image**2).sum()) for image in images])

    r = of_length_one(GRAIN.double()).requires_grad_()
    return divergence(1.5 * of_length_one(torch.autograd.grad(divergence(r), r)[0]))


def warped(x):
    """Each pixel is a mean of the four around the place that it comes from; beyond the border, of the border's."""
    size, views = x.shape[-1], []
    for image, (turn, scale, shear, right, down) in zip(x, WARPS.double(), strict=True):
        a, s = 0.45 * turn, 1 + 0.2 * scale
        pixels = []
        for row in range(size):
            for column in range(size):
                h, v = (2 * column + 1) / size - 1, (2 * row + 1) / size - 1  # the image reaches from -1 to 1
                from_h = (s * torch.cos(a)) * h + (0.4 * shear - s * torch.sin(a)) * v + 0.15 * right
                from_v = (s * torch.sin(a)) * h + (s * torch.cos(a)) * v + 0.15 * down
                j, i = (torch.clamp((place + 1) * size / 2 - 0.5, 0, size - 1) for place in (from_h, from_v))
                j0, i0 = min(int(j), size - 2), min(int(i), size - 2)
                upper, lower = (image[0, k, j0] * (j0 + 1 - j) + image[0, k, j0 + 1] * (j - j0) for k in (i0, i0 + 1))
                pixels.append(upper * (i0 + 1 - i) + lower * (i - i0))
        views.append(torch.stack(pixels).reshape(1, size, size))
    return torch.stack(views)


def information(one, other):
    """Mutual information of two variables with these probabilities, one pair for each row, in either order."""
    total = 0
    together = [[(one[:, a] * other[:, b] + one[:, b] * other[:, a]).mean() / 2 for b in range(10)] for a in range(10)]
    alone = [sum(row) for row in together]
    for a in range(10):
        for b in range(10):
            total = total + together[a][b] * torch.log(together[a][b] / (alone[a] * alone[b]))
    return total


def with_info(nets, costs, L_info, makers, weight=1.0, L_label=None, L_view=None, L_VAT=0.0):
    """The makers of images descend L_info; Q and the trunk that it shares with D_I too, unless they have labels, and
    L_view and some of L_VAT if they look at real images without labels."""
    shared = {name: costs[name] + weight * L_info for name in makers}
    learned = L_info if L_label is None else L_label
    learned = learned if L_view is None else learned + L_view + nets.config.lam_VAT * L_VAT
    return costs | shared | {"D_I": costs["D_I"] + learned, "Q": learned}


# The readings "text" and "tuned": reconstructions and samples pass the decoder as one batch


def lpaae_decoded(nets, x, z):
    z_c = z if nets.CG is None else nets.CG(z)
    z_x = nets.enc(x)
    decoded = nets.dec(torch.cat([z_x, z_c]))
    return z_c, z_x, decoded[:BATCH], decoded[BATCH:]


def lpaae_text_losses(nets, x, z):
    z_c, z_x, x_rec, x_noise = lpaae_decoded(nets, x, z)
    return {
        "L_GAN_C": -(log(nets.D_C(z_c)) + log_not(nets.D_C(z_x))),
        "L_rec": mean_squares(nets.D_I(x)[1], nets.D_I(x_rec)[1]),
        "L_GAN_I": -(log(nets.D_I(x)[0]) + log_not(nets.D_I(x_noise)[0]) + log_not(nets.D_I(x_rec)[0])),
    } | info_losses(nets, x, x_noise, z)


def lpaae_tuned_losses(nets, x, z):
    """As the text's, but reconstructions are no fakes for D_I."""
    x_noise = lpaae_decoded(nets, x, z)[-1]
    return lpaae_text_losses(nets, x, z) | {"L_GAN_I": -(log(nets.D_I(x)[0]) + log_not(nets.D_I(x_noise)[0]))}


def lpaae_text_aae_phase(nets, c, x, noise):
    L = lpaae_text_losses(nets, x, noise[0])
    return {"D_C": L["L_GAN_C"], "enc": -L["L_GAN_C"] + L["L_rec"], "dec": c.lam * L["L_rec"]}


def lpaae_text_prior_phase(nets, c, x, noise):
    L = lpaae_text_losses(nets, x, noise[1])
    costs = without_missing(nets, {"D_I": L["L_GAN_I"], "dec": -L["L_GAN_I"], "CG": -L["L_GAN_I"]})
    return with_info(nets, costs, L["L_info"], makers=["dec", "CG"]) if nets.Q else costs


def lpaae_CG(nets, c, z_c, x_noise):
    """The cost of CG: images that look real, of codes that look like those of images."""
    return -log(nets.D_I(x_noise)[0]) - c.lam_CG * log_not(nets.D_C(z_c))


def lpaae_tuned_update(nets, c, x, noise):
    z_c, z_x, _, x_noise = lpaae_decoded(nets, x, noise[0])
    L = lpaae_tuned_losses(nets, x, noise[0])
    L_fool_I = -log(nets.D_I(x_noise)[0])
    costs = {
        "D_C": L["L_GAN_C"],
        "enc": -c.lam_C * log(nets.D_C(z_x)) + L["L_rec"],
        "dec": c.lam * L["L_rec"] + L_fool_I,
        "D_I": L["L_GAN_I"],
        "CG": lpaae_CG(nets, c, z_c, x_noise),
    }
    costs = without_missing(nets, costs)
    if nets.Q is None:
        return costs
    more = {name: L[name] for name in ("L_label", "L_view", "L_VAT") if name in L}
    return with_info(nets, costs, L["L_info"], ["dec", "CG"], c.lam_info, **more)


def without_missing(nets, costs):
    return {name: cost for name, cost in costs.items() if getattr(nets, name) is not None}


# "tuned" with one of its departures switched off: what the switch changes, and nothing else


def lpaae_frozen(nets, c, x, noise):
    costs = lpaae_tuned_update(nets, c, x, noise)
    return {name: cost for name, cost in costs.items() if name != "CG"}


def lpaae_norm(nets, c, x, noise):
    costs, (_, _, x_rec, _) = lpaae_tuned_update(nets, c, x, noise), lpaae_decoded(nets, x, noise[0])
    difference = (nets.D_I(x)[1] - nets.D_I(x_rec)[1]).reshape(BATCH, -1)
    change = torch.sqrt((difference**2).sum(1)).sum() / BATCH - (difference**2).mean()
    return costs | {"enc": costs["enc"] + change, "dec": costs["dec"] + c.lam * change}


def lpaae_two_passes(nets, c, x, noise):
    z_c, z_x = nets.CG(noise[0]), nets.enc(x)
    x_rec, x_noise = nets.dec(z_x), nets.dec(z_c)
    L_rec, L_fool_I = mean_squares(nets.D_I(x)[1], nets.D_I(x_rec)[1]), -log(nets.D_I(x_noise)[0])
    return lpaae_tuned_update(nets, c, x, noise) | {
        "enc": -c.lam_C * log(nets.D_C(z_x)) + L_rec,
        "dec": c.lam * L_rec + L_fool_I,
        "D_I": -(log(nets.D_I(x)[0]) + log_not(nets.D_I(x_noise)[0])),
        "CG": lpaae_CG(nets, c, z_c, x_noise),
    }


def lpaae_saturating(nets, c, x, noise):
    z_c, z_x, _, x_noise = lpaae_decoded(nets, x, noise[0])
    L_rec = lpaae_tuned_losses(nets, x, noise[0])["L_rec"]
    hide_C, hide_I = log_not(nets.D_C(z_x)), log_not(nets.D_I(x_noise)[0])
    in_CG = hide_I + c.lam_CG * log(nets.D_C(z_c))
    changed = {"enc": c.lam_C * hide_C + L_rec, "dec": c.lam * L_rec + hide_I, "CG": in_CG}
    return lpaae_tuned_update(nets, c, x, noise) | changed


def lpaae_rec_fake(nets, c, x, noise):
    costs, x_rec = lpaae_tuned_update(nets, c, x, noise), lpaae_decoded(nets, x, noise[0])[2]
    real, fake = log(nets.D_I(x_rec)[0]), log_not(nets.D_I(x_rec)[0])
    # CG too, though z_c is not in x_rec: they meet in the statistics of the decoder's BatchNorm
    return costs | {"D_I": costs["D_I"] - fake, "dec": costs["dec"] - real, "CG": costs["CG"] - real}


def lpaae_autoencoder(nets, c, x, noise):
    z_x, L_rec = nets.enc(x), lpaae_tuned_losses(nets, x, noise[0])["L_rec"]
    return {"enc": -c.lam_C * log(nets.D_C(z_x)) + L_rec, "dec": c.lam * L_rec}


def lpaae_first_phase(nets, c, x, noise):
    return lpaae_autoencoder(nets, c, x, noise) | {"D_C": lpaae_tuned_losses(nets, x, noise[0])["L_GAN_C"]}


def lpaae_second_phase(nets, c, x, noise):
    z_c, _, _, x_noise = lpaae_decoded(nets, x, noise[1])
    L_fool_I = -log(nets.D_I(x_noise)[0])
    L_GAN_I = lpaae_tuned_losses(nets, x, noise[1])["L_GAN_I"]
    return {"D_I": L_GAN_I, "dec": L_fool_I, "CG": lpaae_CG(nets, c, z_c, x_noise)}


def grainy(nets):
    """The same networks, with a discriminator of images that sees them through the grain."""
    judge = "Dis" if hasattr(nets, "Dis") else "D_I"
    seen = {judge: lambda image: getattr(nets, judge)(image + 0.4 * GRAIN)}
    return SimpleNamespace(**dict(nets.named_children()) | {"Q": None} | seen)


def lpaae_instance_noise(nets, c, x, noise):
    return lpaae_tuned_update(grainy(nets), c, x, noise)


# VAE/GAN, Larsen et al., Algorithm 1, with samples of the prior as the only fakes


def vaegan_update(nets, c, x, noise):
    mu, log_var = nets.enc(x)[:, :CODE], nets.enc(x)[:, CODE:]
    sigma = torch.sqrt(torch.exp(log_var))
    decoded = nets.dec(torch.cat([mu + sigma * noise[0], noise[1]]))
    x_rec, x_p = decoded[:BATCH], decoded[BATCH:]
    L_prior = -0.5 * (1 + log_var - mu**2 - sigma**2).sum() / BATCH
    L_llike = 0.5 * ((nets.Dis(x)[1] - nets.Dis(x_rec)[1]) ** 2).sum() / BATCH
    L_GAN = -(log(nets.Dis(x)[0]) + log_not(nets.Dis(x_p)[0]))
    L_fool = -log(nets.Dis(x_p)[0])
    return {"enc": L_prior + L_llike, "dec": c.gamma * L_llike + L_fool, "Dis": L_GAN}


def vaegan_decoded(nets, x, noise):
    mu, log_var = nets.enc(x)[:, :CODE], nets.enc(x)[:, CODE:]
    decoded = nets.dec(torch.cat([mu + torch.sqrt(torch.exp(log_var)) * noise[0], noise[1]]))
    return decoded[:BATCH], decoded[BATCH:]


def vaegan_saturating(nets, c, x, noise):
    costs, x_p = vaegan_update(nets, c, x, noise), vaegan_decoded(nets, x, noise)[1]
    return costs | {"dec": costs["dec"] + log(nets.Dis(x_p)[0]) + log_not(nets.Dis(x_p)[0])}


def vaegan_rec_fake(nets, c, x, noise):
    costs, x_rec = vaegan_update(nets, c, x, noise), vaegan_decoded(nets, x, noise)[0]
    real, fake = log(nets.Dis(x_rec)[0]), log_not(nets.Dis(x_rec)[0])
    return costs | {"dec": costs["dec"] - real, "Dis": costs["Dis"] - fake}


def vaegan_leaking(nets, c, x, noise):
    return dict.fromkeys(["enc", "dec", "Dis"], sum(vaegan_update(nets, c, x, noise).values()))


def vaegan_instance_noise(nets, c, x, noise):
    return vaegan_update(grainy(nets), c, x, noise)


# The baselines of VAE/GAN: VAE, GAN with a latent regressor, VAE in features of the discriminator of a GAN


def vae_update(nets, c, x, noise):
    mu, log_var = nets.enc(x)[:, :CODE], nets.enc(x)[:, CODE:]
    sigma = torch.sqrt(torch.exp(log_var))
    L_prior = -0.5 * (1 + log_var - mu**2 - sigma**2).sum() / BATCH
    L_llike = 0.5 * ((x - nets.dec(mu + sigma * noise[0])) ** 2).sum() / BATCH
    return {"enc": L_prior + c.lam * L_llike, "dec": c.lam * L_llike}


def gan_update(nets, c, x, noise):
    x_p = nets.dec(noise[0])
    return {
        "enc": mean_squares(noise[0], nets.enc(x_p)),
        "dec": -log(nets.Dis(x_p)[0]),
        "Dis": -(log(nets.Dis(x)[0]) + log_not(nets.Dis(x_p)[0])),
    }


def vaedis_update(nets, c, x, noise):
    mu, log_var = nets.enc(x)[:, :CODE], nets.enc(x)[:, CODE:]
    sigma = torch.sqrt(torch.exp(log_var))
    x_rec, x_p = nets.dec(mu + sigma * noise[0]), nets.gen(noise[1])
    L_prior = -0.5 * (1 + log_var - mu**2 - sigma**2).sum() / BATCH
    L_llike = 0.5 * ((nets.Dis(x)[1] - nets.Dis(x_rec)[1]) ** 2).sum() / BATCH
    L_GAN = -(log(nets.Dis(x)[0]) + log_not(nets.Dis(x_p)[0]))
    return {"enc": L_prior + L_llike, "dec": L_llike, "gen": -log(nets.Dis(x_p)[0]), "Dis": L_GAN}


# AAE with a prior of standard deviation 5


def aaemlp_discriminator(nets, c, x, noise):
    return {"D_C": -(log(nets.D_C(5 * noise[0])) + log_not(nets.D_C(nets.enc(x))))}


ALL = {"D_C", "enc", "dec", "D_I", "CG"}
PHASES = {
    "vae": [vae_update],
    "gan": [gan_update],
    "vaedis": [vaedis_update],
    "aaemlp": [aae_reconstruction, aaemlp_discriminator, aae_encoder],
    "aae": [aae_reconstruction, aae_discriminator, aae_encoder],
    "lpaae-paper": [lpaae_printed_aae_phase, lpaae_printed_prior_phase],
    "lpaae-CG_learns": [lpaae_printed_aae_phase, lpaae_CG_learns_prior_phase],
    "lpaae-CG_learns-supervised": [lpaae_printed_aae_phase, lpaae_CG_learns_prior_phase],
    "lpaae-CG_learns-unsupervised": [lpaae_printed_aae_phase, lpaae_CG_learns_prior_phase],
    "lpaae-printed": [lpaae_printed_aae_phase, lpaae_printed_prior_phase],
    "lpaae-printed-supervised": [lpaae_printed_aae_phase, lpaae_printed_prior_phase],
    "lpaae-text": [lpaae_text_aae_phase, lpaae_text_prior_phase],
    "lpaae-text-fixed": [lpaae_text_aae_phase, lpaae_text_prior_phase],
    "lpaae-text-unsupervised": [lpaae_text_aae_phase, lpaae_text_prior_phase],
    "lpaae-tuned": [lpaae_tuned_update],
    "lpaae-tuned-fixed": [lpaae_tuned_update],
    "lpaae-tuned-supervised": [lpaae_tuned_update],
    "lpaae-tuned-unsupervised": [lpaae_tuned_update],
    "lpaae-frozen": [lpaae_frozen],
    "lpaae-norm": [lpaae_norm],
    "lpaae-two_passes": [lpaae_two_passes],
    "lpaae-saturating": [lpaae_saturating],
    "lpaae-rec_fake": [lpaae_rec_fake],
    "lpaae-two_phases": [lpaae_first_phase, lpaae_second_phase],
    "lpaae-three_updates": [lpaae_autoencoder, lpaae_autoencoder, lpaae_tuned_update],
    "lpaae-instance_noise": [lpaae_instance_noise],
    "vaegan": [vaegan_update],
    "vaegan-saturating": [vaegan_saturating],
    "vaegan-rec_fake": [vaegan_rec_fake],
    "vaegan-leaking": [vaegan_leaking],
    "vaegan-instance_noise": [vaegan_instance_noise],
}
MOVES = {
    "vae": [{"enc", "dec"}],
    "gan": [{"enc", "dec", "Dis"}],
    "vaedis": [{"enc", "dec", "gen", "Dis"}],
    "aaemlp": [{"enc", "dec"}, {"D_C"}, {"enc"}],
    "aae": [{"enc", "dec"}, {"D_C"}, {"enc"}],
    "lpaae-paper": [{"D_C", "enc", "dec"}, {"D_I", "dec"}],
    "lpaae-CG_learns": [{"D_C", "enc", "dec"}, {"D_I", "dec", "CG"}],
    "lpaae-CG_learns-supervised": [{"D_C", "enc", "dec"}, {"D_I", "dec", "CG", "Q"}],
    "lpaae-CG_learns-unsupervised": [{"D_C", "enc", "dec"}, {"D_I", "dec", "CG", "Q"}],
    "lpaae-printed": [{"D_C", "enc", "dec"}, {"D_I", "dec"}],
    "lpaae-printed-supervised": [{"D_C", "enc", "dec"}, {"D_I", "dec", "Q"}],
    "lpaae-text": [{"D_C", "enc", "dec"}, {"D_I", "dec", "CG"}],
    "lpaae-text-fixed": [{"D_C", "enc", "dec"}, {"D_I", "dec"}],
    "lpaae-text-unsupervised": [{"D_C", "enc", "dec"}, {"D_I", "dec", "CG", "Q"}],
    "lpaae-tuned": [ALL],
    "lpaae-tuned-fixed": [ALL - {"CG"}],
    "lpaae-tuned-supervised": [ALL | {"Q"}],
    "lpaae-tuned-unsupervised": [ALL | {"Q"}],
    "lpaae-frozen": [ALL - {"CG"}],
    "lpaae-norm": [ALL],
    "lpaae-two_passes": [ALL],
    "lpaae-saturating": [ALL],
    "lpaae-rec_fake": [ALL],
    "lpaae-two_phases": [{"D_C", "enc", "dec"}, {"D_I", "dec", "CG"}],
    "lpaae-three_updates": [{"enc", "dec"}, {"enc", "dec"}, ALL],
    "lpaae-instance_noise": [ALL],
    "vaegan": [{"enc", "dec", "Dis"}],
    "vaegan-saturating": [{"enc", "dec", "Dis"}],
    "vaegan-rec_fake": [{"enc", "dec", "Dis"}],
    "vaegan-leaking": [{"enc", "dec", "Dis"}],
    "vaegan-instance_noise": [{"enc", "dec", "Dis"}],
}
def changes_of(algorithm, variant):
    """Of a variant, or of the one option that no variant for digits has."""
    return {"instance_noise": 0.4} if variant == "instance_noise" else VARIANTS[algorithm][variant].changes


def lpaae_config(name):
    """Of a name above: a reading with a prior or a condition, or a variant of "tuned"."""
    reading, _, rest = name.removeprefix("lpaae-").partition("-")
    if reading not in READINGS:
        free = {"lam": 3.0, "lam_C": 0.3, "lam_CG": 0.6}
        return lpaae_tuned.Config(**free | changes_of("lpaae", reading))
    free = {"lam_C": 0.3, "lam_CG": 0.6, "lam_info": 0.7, "lam_H": 1.3, "lam_VAT": 0.6} if reading == "tuned" else {}
    special = {"fixed": {"prior": "fixed"}, "": {}}.get(rest, {"condition": rest})
    return of_reading(reading, lam=3.0, **free, **special)


class Judge(nn.Module):
    """A discriminator of 4x4 images: logits and features."""

    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Conv2d(1, 2, 3, 2, 1), nn.Softplus())
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(8, 1))

    def forward(self, x):
        features = self.trunk(x)
        return self.head(features), features


def encoder(outputs):
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 6), nn.Softplus(), nn.Linear(6, outputs))


def decoder():
    """With BatchNorm, which sees whether reconstructions and samples come as one batch."""
    return nn.Sequential(nn.Linear(CODE, 6, bias=False), nn.BatchNorm1d(6), nn.Softplus(), nn.Linear(6, 16),
                         nn.Tanh(), nn.Unflatten(1, (1, 4, 4)))  # fmt: skip


def code_network(outputs, inputs=CODE):
    return nn.Sequential(nn.Linear(inputs, 5), nn.Softplus(), nn.Linear(5, outputs))


class Plain:
    """The set of these networks."""

    def encoder(self, outputs):
        return encoder(outputs)

    def decoder(self, code):
        return decoder()

    def code_generator(self, noise, code):
        return code_network(code, noise)

    def code_discriminator(self, code):
        return code_network(1, code)

    def image_discriminator(self):
        return Judge()

    def classifier(self, classes):
        Q = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(8), nn.Linear(8, 6), nn.Softplus(), nn.Linear(6, classes))
        nn.init.orthogonal_(Q[-1].weight, 5)  # an undecided Q has no mutual information to speak of
        return Q


def lpaae_on_plain_networks(config):
    return lpaae_tuned.build(config, Plain(), CODE)


def papers_lpaae(config, s=NONE, kind=lpaae.LPAAE):
    """The paper's class, as whoever has its file alone would build it, or another kind of it."""
    CG, Q = code_network(CODE, CODE + s.values), Plain().classifier(10) if s.values else None
    return kind(config, CODE, encoder(CODE), decoder(), CG, code_network(1), Judge(), Q, s)


@pytest.fixture(params=PHASES)
def name(request):
    return request.param


@pytest.fixture
def plain(name):
    """The algorithm on smooth networks in double precision, with plain gradient descent instead of Adam."""
    torch.manual_seed(0)
    match name.split("-"):
        case ["aae"]:
            algorithm = aae.build(aae.Config(), Plain(), CODE)
        case ["vae" | "gan" | "vaedis" | "aaemlp"]:
            own = ALGORITHMS[name]
            algorithm = own.build(own.Config(), Plain(), CODE)
        case ["vaegan", "leaking"]:
            algorithm = ablation.leaking(vaegan.Config(gamma=0.3), Plain(), CODE)
        case ["vaegan", *variant]:
            changes = changes_of("vaegan", *variant) if variant else {}
            algorithm = vaegan.build(vaegan.Config(gamma=0.3, **changes), Plain(), CODE)
        case ["lpaae", "paper"]:
            algorithm = papers_lpaae(lpaae.Config(lam=3.0))
        case ["lpaae", "CG_learns", *mode]:
            s = {"supervised": Supervised(), "unsupervised": Unsupervised()}.get("".join(mode), NONE)
            algorithm = papers_lpaae(lpaae.Config(lam=3.0, CG_learns=True), s)
        case ["lpaae", *_]:
            algorithm = lpaae_on_plain_networks(lpaae_config(name))
    algorithm.double()
    for network in vars(algorithm.opt):
        setattr(algorithm.opt, network, SGD(getattr(algorithm, network).parameters(), lr=RATE))
    return algorithm


@pytest.fixture
def batch(name):
    """Images, and noise z or [z, s]."""
    generator = torch.Generator().manual_seed(1)
    x = torch.rand(BATCH, 1, 4, 4, generator=generator, dtype=torch.float64) * 2 - 1
    z = torch.randn(2, BATCH, CODE, generator=generator, dtype=torch.float64)
    if not name.endswith("supervised"):
        return x, z
    s = torch.eye(10, dtype=torch.float64)[torch.randint(10, (BATCH,), generator=generator)]
    return x, torch.cat([z, s.expand(2, BATCH, 10)], dim=2)


def inputs(algorithm, x, noise):
    """What the algorithm draws for a step on x, with ours in its place."""
    drawn = algorithm.draw(x, torch.arange(BATCH), lambda name: generator(0, name, 0))
    ours = {"x": x, "noise": noise[: len(drawn["noise"])], "warps": WARPS, "grain": GRAIN}
    assert {name: value.shape for name, value in drawn.items()} == {name: ours[name].shape for name in drawn}
    return {name: ours[name] for name in drawn}


def step(algorithm, batch):
    return algorithm.train_step(**inputs(algorithm, *batch))


def recorded_step(algorithm, batch, monkeypatch):
    """The networks before and after each call of `update` in one step, and the losses that the step returns."""
    module = next(module for kind in type(algorithm).__mro__ if hasattr(module := inspect.getmodule(kind), "update"))
    record, true_update = [], module.update

    def recording_update(*pairs):
        before = copy.deepcopy(algorithm)
        true_update(*pairs)
        record.append((before, copy.deepcopy(algorithm)))

    monkeypatch.setattr(module, "update", recording_update)
    return record, step(algorithm, batch)


def networks_of(algorithm):
    return dict(algorithm.named_children())


def same(network, other):
    """Bitwise, and of parameters only: BatchNorm's statistics change with every forward pass."""
    return all(torch.equal(p, q) for p, q in zip(network.parameters(), other.parameters(), strict=True))


def test_each_update_moves_its_own_networks_and_no_other(name, plain, batch, monkeypatch):
    moves = []
    for before, after in recorded_step(plain, batch, monkeypatch)[0]:
        theirs = networks_of(after)
        moves.append({key for key, network in networks_of(before).items() if not same(network, theirs[key])})
    assert moves == MOVES[name]


def test_each_update_lowers_the_cost_of_each_network_it_moves(name, plain, batch, monkeypatch):
    """Against opponents at rest, on the same batch: a flipped sign or a helping opponent would raise it."""
    for optimizer in vars(plain.opt).values():
        optimizer.param_groups[0]["lr"] = 1e-3
    record, _ = recorded_step(plain, batch, monkeypatch)
    for phase, (before, after) in zip(PHASES[name], record, strict=True):
        old_costs = phase(before, plain.config, *batch)
        for network, old in old_costs.items():
            alone = copy.deepcopy(before)
            getattr(alone, network).load_state_dict(getattr(after, network).state_dict())
            new = phase(alone, plain.config, *batch)[network]
            assert new.item() < old.item(), f"{phase.__name__}: {network}"


def test_a_step_equals_the_transcribed_pseudo_code(name, plain, batch):
    expected = copy.deepcopy(plain)
    for phase in PHASES[name]:
        costs = phase(expected, plain.config, *batch)
        gradients = {
            network: torch.autograd.grad(cost, list(getattr(expected, network).parameters()), retain_graph=True)
            for network, cost in costs.items()
        }
        with torch.no_grad():
            for network, own in gradients.items():
                for parameter, gradient in zip(getattr(expected, network).parameters(), own, strict=True):
                    parameter -= RATE * gradient

    start = copy.deepcopy(plain)
    step(plain, batch)
    theirs = dict(expected.named_parameters())
    for key, parameter in plain.named_parameters():
        distance = (theirs[key] - start.get_parameter(key)).abs().max().item()
        # the package's losses are float32 whatever the networks are
        torch.testing.assert_close(parameter, theirs[key], rtol=0, atol=1e-5 * distance + 1e-9, msg=key)


def test_reported_losses_are_detached_finite_and_named_as_in_the_papers(name, plain, batch):
    losses = step(plain, batch)
    papers = {
        "aae": {"L_rec", "L_GAN_C"},
        "lpaae": {"L_GAN_C", "L_rec", "L_GAN_I"},
        "vaegan": {"L_prior", "L_llike", "L_GAN"},
        "vae": {"L_prior", "L_llike"},
        "vaedis": {"L_prior", "L_llike", "L_GAN"},
        "gan": {"L_GAN"},
        "aaemlp": {"L_rec", "L_GAN_C"},
    }
    assert papers[name.partition("-")[0]] <= set(losses)
    assert ("L_info" in losses) == name.endswith("supervised")
    assert ("L_label" in losses) == (name == "lpaae-tuned-supervised")
    assert ("L_view" in losses) == ("L_VAT" in losses) == (name == "lpaae-tuned-unsupervised")
    assert all(loss.ndim == 0 and not loss.requires_grad and torch.isfinite(loss) for loss in losses.values())


def test_reported_losses_are_the_costs_at_the_point_where_gradients_were_taken(name, plain, batch, monkeypatch):
    record, losses = recorded_step(plain, batch, monkeypatch)
    expected = expected_losses(name, [before for before, _ in record], *batch)
    assert set(expected) == ({"L_GAN"} if name.startswith("vaegan") else set(losses))
    for key, value in expected.items():
        assert losses[key].item() == pytest.approx(value.item(), rel=1e-5), key


def expected_losses(name, before, x, noise):
    """What a step reports, from the transcriptions, each at the networks `before` the update in which it is descended:
    all of it, but for VAE/GAN, of which L_GAN alone is a cost by itself."""
    c = before[0].config
    costs = [phase(nets, c, x, noise) for phase, nets in zip(PHASES[name], before, strict=True)]
    match name.split("-"):
        case ["aae" | "aaemlp"]:
            return {"L_rec": costs[0]["enc"] / c.lam, "L_GAN_C": costs[1]["D_C"], "L_fool_C": costs[2]["enc"]}
        case ["vae"]:
            return {"L_prior": costs[0]["enc"] - costs[0]["dec"], "L_llike": costs[0]["dec"] / c.lam}
        case ["vaedis"]:
            L_llike = costs[0]["dec"]
            return {"L_prior": costs[0]["enc"] - L_llike, "L_llike": L_llike, "L_GAN": costs[0]["Dis"]}
        case ["gan"]:
            return {"L_GAN": costs[0]["Dis"], "L_fool": costs[0]["dec"], "L_code": costs[0]["enc"]}
        case ["vaegan", "leaking"]:
            return {"L_GAN": vaegan_update(before[0], c, x, noise)["Dis"]}
        case ["vaegan", *_]:
            return {"L_GAN": costs[0]["Dis"]}
        case ["lpaae", "tuned", *_] | ["lpaae", "three_updates"]:
            return lpaae_tuned_losses(before[-1], x, noise[0])
        case ["lpaae", "two_phases"]:
            L_rec = costs[0]["dec"] / c.lam
            return {"L_GAN_C": costs[0]["D_C"], "L_rec": L_rec, "L_GAN_I": costs[1]["D_I"]}
        case ["lpaae", _, *_] if len(before) == 2:
            transcribed = lpaae_printed_losses if type(before[0]) is lpaae.LPAAE else lpaae_text_losses
            first, second = (transcribed(nets, x, z) for nets, z in zip(before, noise, strict=True))
            return second | {"L_GAN_C": first["L_GAN_C"], "L_rec": first["L_rec"]}
        case ["lpaae", variant]:  # of "tuned", in one update
            D_C_x = before[0].D_C(before[0].enc(x))
            fool_C = log_not(D_C_x) if variant == "saturating" else -log(D_C_x)
            L_rec = costs[0]["enc"] - c.lam_C * fool_C
            return {"L_GAN_C": costs[0]["D_C"], "L_rec": L_rec, "L_GAN_I": costs[0]["D_I"]}


def test_the_step_uses_adam_with_the_rates_of_its_config(algorithm):
    config = algorithm.config
    for name, optimizer in vars(algorithm.opt).items():
        (group,) = optimizer.param_groups
        assert isinstance(optimizer, torch.optim.Adam)
        assert group["lr"] == (config.learning_rate_D if name.startswith("D") else config.learning_rate)
        assert tuple(group["betas"]) == config.betas
        assert {id(p) for p in group["params"]} == {id(p) for p in getattr(algorithm, name).parameters()}


def test_each_network_can_have_a_rate_of_its_own():
    config = lpaae_tuned.Config(learning_rate=0.1, learning_rate_CG=0.0, learning_rate_D=0.2, learning_rate_D_C=0.3)
    rates = {name: o.param_groups[0]["lr"] for name, o in vars(lpaae_on_plain_networks(config).opt).items()}
    assert rates == {"enc": 0.1, "dec": 0.1, "CG": 0.0, "D_I": 0.2, "D_C": 0.3}


def test_every_network_has_an_optimizer_but_CG_as_printed(algorithm_name, algorithm):
    resting = {"CG"} if algorithm_name == "lpaae-printed" else set()
    assert set(networks_of(algorithm)) - resting == set(vars(algorithm.opt))


def test_the_fixed_prior_has_no_code_generator():
    algorithm = lpaae_on_plain_networks(lpaae_tuned.Config(prior="fixed"))
    assert algorithm.CG is None and not hasattr(algorithm.opt, "CG")
    z = torch.randn(4, CODE)
    model = algorithm.autoencoder().eval()
    assert torch.equal(model(z), algorithm.dec(z))


def test_the_autoencoder_shares_the_trained_networks(algorithm):
    model = algorithm.autoencoder().eval()
    z, x = torch.randn(4, CODE), torch.randn(4, 1, 8, 8)
    generator = getattr(algorithm, "CG", None) or nn.Identity()
    assert torch.equal(model(z), algorithm.dec(generator(z)))
    assert torch.equal(model.dec(model.encode(x)), algorithm.dec(algorithm.enc(x)[:, :CODE]))
    assert {id(p) for p in model.parameters()} <= {id(p) for p in algorithm.parameters()}


@pytest.mark.parametrize("wrong", [{"reading": "printd"}, {"prior": "learnt"}, {"condition": "label"}])
def test_an_unknown_value_in_the_config_is_an_error_that_names_it(wrong):
    (value,) = wrong.values()
    with pytest.raises(UserError, match=value):
        lpaae_tuned.Config(**wrong)


def test_configs_are_frozen(algorithm):
    for field in asdict(algorithm.config):
        with pytest.raises(AttributeError):
            setattr(algorithm.config, field, 1)


@pytest.mark.parametrize("reading", ["printed", "text"])
@pytest.mark.parametrize("name", READINGS["tuned"])
def test_only_tuned_lets_its_options_be_changed(reading, name):
    own = READINGS[reading][name]
    other = not own if isinstance(own, bool) else own + 1
    assert getattr(of_reading(reading, **{name: own}), name) == own
    assert getattr(lpaae_tuned.Config(**{name: other}), name) == other
    with pytest.raises(UserError) as caught:
        of_reading(reading, **{name: other})
    message = str(caught.value)
    assert name in message and repr(reading) in message and str(other) in message and "\n" not in message


@pytest.mark.parametrize("reading", READINGS)
def test_a_reading_has_its_own_switches_and_none_of_another(reading):
    assert {name: getattr(of_reading(reading), name) for name in READINGS[reading]} == READINGS[reading]
    if reading == "tuned":
        assert lpaae_tuned.Config() == of_reading(reading)
    else:
        with pytest.raises(UserError, match=f"in the reading '{reading}'"):
            lpaae_tuned.Config(reading=reading)


@pytest.mark.parametrize("condition", ["supervised", "unsupervised"])
def test_with_the_fixed_prior_codes_are_the_noise_z_and_s(condition):
    config = lpaae_tuned.Config(condition=condition, prior="fixed")
    algorithm = lpaae_tuned.build(config, Compact(1, 8, width=2), CODE)
    labels = torch.arange(BATCH) % 10
    inputs = algorithm.draw(torch.rand(BATCH, 1, 8, 8), labels, lambda name: generator(0, name, 0))
    noise = inputs["noise"][0]
    at = algorithm.forward(**inputs | {"noise": noise})
    assert algorithm.CG is None and torch.equal(at.z_c, noise)
    assert at.z_x.shape == at.z_c.shape == (BATCH, CODE + 10)
    assert torch.equal(algorithm.autoencoder().eval()(noise), algorithm.dec(noise))


def test_dropout_rests_units_of_enc_and_dec_by_numbers_of_its_step_alone():
    x, after = torch.rand(BATCH, 1, 8, 8), []
    for stray, step_number in ((0, 0), (7, 0), (0, 1)):
        torch.manual_seed(0)
        algorithm = aaemlp.build(aaemlp.Config(dropout=0.5), MLP(1, 8, width=6), CODE)
        torch.manual_seed(stray)  # the global generator is not asked, and not moved
        state, drawn = torch.get_rng_state(), algorithm.draw(x, None, lambda n: generator(0, n, step_number))
        algorithm.train_step(**drawn | {"noise": torch.ones(1, BATCH, CODE)})
        assert torch.equal(torch.get_rng_state(), state)
        after.append(algorithm.dec[-3].weight.detach())
    assert torch.equal(after[0], after[1]) and not torch.equal(after[0], after[2])
    assert not algorithm.capturable
    layers = [[type(layer).__name__ for layer in network] for network in (algorithm.enc, algorithm.dec, algorithm.D_C)]
    assert [names.count("Dropout") for names in layers] == [2, 2, 0]


def test_samples_of_a_wide_prior_come_from_wide_codes():
    autoencoder = aaemlp.build(aaemlp.Config(deviation=5.0), MLP(1, 8, width=6), CODE).autoencoder()
    z = torch.randn(4, CODE)
    assert torch.equal(autoencoder(z), autoencoder.dec(5 * z))
    with pytest.raises(UserError, match="dropout must be less than 1"):
        aaemlp.Config(dropout=1.0)


def test_less_than_one_update_of_the_autoencoder_is_refused():
    with pytest.raises(UserError, match="autoencoder_updates must be at least 1, not 0"):
        lpaae_tuned.Config(autoencoder_updates=0)


def test_every_departure_of_tuned_has_a_variant_that_switches_it_off():
    """Each option of "tuned" is, in one row of the ablation, what Algorithm 1 has. (Those of s need a condition.)"""
    printed, variants = READINGS["printed"], VARIANTS["lpaae"].values()
    off = {name for variant in variants for name, _ in printed.items() & variant.changes.items()}
    of_s = {"lam_info", "Q_sees_labels", "Q_sees_views", "lam_H", "lam_VAT"}
    assert off | of_s | {"autoencoder_updates"} == set(printed)


def test_as_printed_the_labels_of_real_images_reach_no_network():
    """Departure 13: with `Q_sees_labels` off, s meets x in no loss."""
    config = lpaae_tuned.Config(condition="supervised", Q_sees_labels=False)
    algorithm = lpaae_on_plain_networks(config)
    x, s = torch.randn(BATCH, 1, 4, 4), torch.eye(10)[:BATCH].expand(2, BATCH, 10)
    losses = algorithm.train_step(x, torch.cat([torch.randn(2, BATCH, CODE), s], 2))
    assert "L_info" in losses and "L_label" not in losses


def losses_of_s(algorithm, x, noise, **drawn):
    return algorithm.s.losses(algorithm, algorithm.forward(x, noise, **drawn), noise, **drawn)


@pytest.mark.parametrize("s", [Supervised(), Unsupervised()], ids=["supervised", "unsupervised"])
def test_as_printed_Q_sees_generated_images_only(s):
    algorithm, seen = papers_lpaae(lpaae.Config(), s), []
    algorithm.Q.register_forward_pre_hook(lambda module, features: seen.append(features[0].detach()))
    x, noise = torch.randn(BATCH, 1, 4, 4), torch.cat([torch.randn(BATCH, CODE), torch.eye(10)[:BATCH]], 1)
    losses_of_s(algorithm, x, noise)
    (of_s,) = seen
    assert torch.equal(of_s, algorithm.D_I.trunk(algorithm.dec(algorithm.CG(noise))))


@pytest.mark.parametrize("changes", [{}, {"joint": False}, {"autoencoder_updates": 2}])
def test_without_views_Q_sees_generated_images_as_they_are(changes):
    """Departure 14: with `Q_sees_views` off, and `lam_VAT` zero, a step takes no warps, and Q has L_info alone."""
    s = torch.eye(10)[:BATCH].expand(2, BATCH, 10)
    x, noise = torch.randn(BATCH, 1, 4, 4), torch.cat([torch.randn(2, BATCH, CODE), s], 2)
    for wanted in (True, False):
        config = lpaae_tuned.Config(condition="unsupervised", Q_sees_views=wanted, lam_VAT=0.0, **changes)
        algorithm = lpaae_on_plain_networks(config)
        drawn = inputs(algorithm, x, noise)
        assert set(drawn) == {"x", "noise", *["warps"] * wanted}
        assert ("L_view" in algorithm.train_step(**drawn)) == wanted
    x_noise = algorithm.dec(torch.cat([algorithm.enc(x), algorithm.CG(noise[0])]))[BATCH:]
    expected = minus_log_Q(algorithm, algorithm.D_I(x_noise)[1], noise[0][:, CODE:])
    torch.testing.assert_close(losses_of_s(algorithm, x, noise[0])["L_info"], expected)


@pytest.mark.parametrize("lam_H", [0.0, 2.0])
def test_the_entropy_of_s_counts_as_often_as_it_is_told_to(lam_H):
    """Departure 15: beside the information of two views, which with `lam_H` at zero is all of L_view."""
    algorithm = lpaae_on_plain_networks(lpaae_tuned.Config(condition="unsupervised", lam_H=lam_H))
    x, noise = torch.randn(BATCH, 1, 4, 4), torch.cat([torch.randn(BATCH, CODE), torch.eye(10)[:BATCH]], 1)
    of_x, of_view = (torch.softmax(algorithm.Q(algorithm.D_I(images)[1]), dim=1) for images in (x, warped(x).float()))
    used = torch.cat([of_x, of_view]).mean(0)
    expected = -information(of_x, of_view) + lam_H * (used * torch.log(used)).sum()
    found = losses_of_s(algorithm, x, noise, warps=WARPS, grain=GRAIN)
    torch.testing.assert_close(found["L_view"], expected)


@pytest.mark.parametrize("condition", ["none", "supervised", "unsupervised"])
def test_only_an_unsupervised_step_learns_to_say_the_same_of_images_nearby(condition):
    """Departure 16: and none with `lam_VAT` at zero."""
    s = torch.eye(10)[:BATCH].expand(2, BATCH, 10) if condition != "none" else torch.zeros(2, BATCH, 0)
    x, noise = torch.randn(BATCH, 1, 4, 4), torch.cat([torch.randn(2, BATCH, CODE), s], 2)
    for weight in (0.3, 0.0):
        algorithm = lpaae_on_plain_networks(lpaae_tuned.Config(condition=condition, lam_VAT=weight))
        assert ("L_VAT" in step(algorithm, (x, noise))) == (condition == "unsupervised" and weight > 0)


@pytest.mark.parametrize(
    ("real", "fake", "moves"),
    [
        (0.68, 0.68, {"enc", "dec", "Dis"}),
        (0.2, 0.68, {"enc", "dec"}),  # Dis is far ahead
        (0.68, 0.2, {"enc", "dec"}),
        (0.68, 1.2, {"enc", "Dis"}),  # dec is
        (1.2, 0.68, {"enc", "Dis"}),
        (0.2, 1.2, {"enc", "dec", "Dis"}),  # both are: both move
    ],
)
def test_the_balance_rule_rests_whoever_is_ahead(real, fake, moves):
    """`Dis` has been given logits whose mean costs are known: -log D(x) = `real`, -log(1 - D(x_p)) = `fake`."""

    class Known(Judge):
        def forward(self, x):
            cost, sign = (real, -1) if x is images else (fake, 1)
            logit = sign * torch.log(torch.expm1(torch.tensor(cost)))
            logits, features = super().forward(x)
            return logit + 0 * logits, features

    torch.manual_seed(0)
    images, noise = torch.rand(BATCH, 1, 4, 4), torch.randn(2, BATCH, CODE)
    algorithm = vaegan.VAEGAN(vaegan.Config(balanced=True), CODE, encoder(2 * CODE), decoder(), Known())
    stepped = []
    for name, optimizer in vars(algorithm.opt).items():
        optimizer.register_step_post_hook(lambda *_, name=name: stepped.append(name))
    algorithm.train_step(images, noise)
    assert set(stepped) == moves


# `lpaae_tuned` and the paper's algorithm, in float32 and with Adam, as in a run


def after_steps(algorithm, count=3):
    """The algorithm's state after so many steps, with what it draws for them itself."""
    for number in range(count):
        x = torch.rand(BATCH, 1, 4, 4, generator=generator(0, "x", number)) * 2 - 1
        drawn = algorithm.draw(x, torch.arange(BATCH), lambda name, number=number: generator(0, name, number))
        assert all(torch.isfinite(loss) for loss in algorithm.train_step(**drawn).values())
    return algorithm.state_dict()


@pytest.mark.parametrize("CG_learns", [False, True])
@pytest.mark.parametrize("mode", ["none", "supervised", "unsupervised"])
def test_with_every_switch_as_printed_ours_is_the_papers_algorithm_bit_for_bit(mode, CG_learns):
    switches = READINGS["printed"] | {"CG_learns": CG_learns, "condition": mode}
    s = {"none": NONE, "supervised": Supervised(), "unsupervised": Unsupervised()}[mode]
    torch.manual_seed(0)
    config = of_reading("tuned", lam=3.0, **switches)
    assert type(lpaae_on_plain_networks(config)) is lpaae.LPAAE  # so that what a run trains is in the paper's file
    ours = papers_lpaae(config, s, lpaae_tuned.TunedLPAAE)
    papers = papers_lpaae(lpaae.Config(lam=3.0, CG_learns=CG_learns), s)
    papers.load_state_dict(ours.state_dict())
    start = copy.deepcopy(ours)
    found, expected = after_steps(ours), after_steps(papers)
    assert vars(ours.opt).keys() == vars(papers.opt).keys() and found.keys() == expected.keys()
    assert all(torch.equal(value, expected[key]) for key, value in found.items())
    resting = {key for key, network in networks_of(ours).items() if same(network, start.get_submodule(key))}
    assert resting == (set() if CG_learns else {"CG"})


@pytest.mark.parametrize("name", READINGS["printed"])
def test_each_switch_alone_makes_it_another_algorithm(name):
    """So that the bits above are not equal whatever the switches say."""
    on = READINGS["tuned"] | {"autoencoder_updates": 2, "lam_info": 0.5, "instance_noise": 0.5}
    needed = {"lam_CG": {"CG_learns": True}, "lam_H": {"Q_sees_views": True}}.get(name, {})
    off = READINGS["printed"] | {"condition": "supervised" if name == "Q_sees_labels" else "unsupervised"} | needed
    states = []
    for switches in (off, off | {name: on[name]}):
        torch.manual_seed(0)
        states.append(after_steps(lpaae_on_plain_networks(of_reading("tuned", **switches)), 1))
    assert any(not torch.equal(value, states[1][key]) for key, value in states[0].items())
