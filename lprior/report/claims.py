"""What the papers claim, and some that are ours, each with a rule (`rules.py`) that gives the verdict from our runs."""

from collections.abc import Callable

from lprior.evaluation.metrics import TITLES
from lprior.report.frame import COMPONENTS, MIXTURE
from lprior.report.rules import Claim, Judge, Rule, beside, compare, each, fresh, reach, reach_real, reach_sheet

GENERATES = ("FID", "score", "recall")  # what "generates better" is taken for
DISENTANGLED = (  # and "disentangles better"; height, which hardly varies, aside
    "linear probe", "nearest neighbours", "thickness kept", "slant kept", "thickness swapped", "slant swapped"
)  # fmt: skip
WITH_S = ("FID", "score", "recall within")  # the same with a conditional variable


def readings(claim: Callable[[str], Judge]) -> Judge:
    """The rule for a claim by the paper's own terms, in two readings: L_GAN^I has three terms, as in its box, or two.
    `claim`: what judges a model by its name."""
    return each({"three terms": claim("lpaae-moved_plain"), "two terms": claim("lpaae-two_terms_plain")})


CLAIMS = [
    Claim(
        "A prior learned with the model beats a mixture of ten fitted afterwards to the codes "
        "of the fixed-prior model, the control.",
        "",
        ours=Rule(compare("lpaae", "lpaae-fixed", GENERATES, control=MIXTURE), r"table~\ref{tab:results}"),
        printed=Rule(
            readings(lambda model: compare(model, "lpaae-baseline_plain", GENERATES, control=MIXTURE)),
            r"table~\ref{tab:algorithm1}",
            "algorithm1",
        ),
    ),
    Claim(
        "The same against a mixture of a hundred (sizes of codes).",
        "",
        ours=Rule(
            compare("lpaae", "lpaae-fixed", GENERATES, control=TITLES["gmm100_"]),
            r"table~\ref{tab:codes}",
            "codes",
        ),
    ),
    Claim(
        "A learned prior beats the mixture of ten on AAE's codes.",
        "",
        ours=Rule(
            beside(
                compare("lpaae", "aae", GENERATES, control=MIXTURE),
                "the fixed prior in LP-AAE's networks",
                compare("lpaae-fixed", "aae", ("FID",), control=MIXTURE),
            ),
            r"table~\ref{tab:results}",
        ),
    ),
    Claim(
        r"A learned prior generates better than a fixed one in the same networks \cite{wang2018lpaae}, on MNIST "
        r"(settings were searched for the learned prior, most of them on test images; few for the fixed one).",
        "pictures only (on CIFAR-10: below)",
        ours=Rule(compare("lpaae", "lpaae-fixed", GENERATES), r"table~\ref{tab:results}"),
        printed=Rule(
            readings(lambda model: compare(model, "lpaae-baseline_plain", GENERATES)),
            r"table~\ref{tab:algorithm1}",
            "algorithm1",
        ),
    ),
    Claim(
        "The same against a code generator that never learns, a fixed prior of another shape.",
        "",
        ours=Rule(compare("lpaae", "lpaae-frozen", GENERATES), r"table~\ref{tab:results}"),
    ),
    Claim(
        r"LP-AAE's MNIST samples have the quality of the authors' published sheet.",
        r"score \res{sheet mnist/learned} of that one sheet of 100, by our classifier",
        ours=Rule(reach_sheet("lpaae", "mnist/learned"), r"table~\ref{tab:sheets}, figure~\ref{fig:lpaae-latest}"),
        printed=Rule(
            readings(lambda model: reach_sheet(model, "mnist/learned")),
            r"sheets of the runs of table~\ref{tab:algorithm1}",
            "algorithm1",
        ),
    ),
    Claim(
        r"LP-AAE generates better than AAE \cite{wang2018lpaae}.",
        "pictures only",
        ours=Rule(
            beside(
                compare("lpaae", "aae", GENERATES),
                "the fixed prior in LP-AAE's networks",
                compare("lpaae-fixed", "aae", ("FID",)),
            ),
            r"table~\ref{tab:results}",
        ),
    ),
    Claim(
        r"AAE has a Parzen-window log-likelihood of $340 \pm 2$ nats on MNIST, in fully connected networks of 1000 "
        r"units and with a prior of standard deviation 5 \cite{makhzani2015aae}.",
        r"$340 \pm 2$, 10\,000 samples",
        printed=Rule(reach("aaemlp", "Parzen", 338.0), r"table~\ref{tab:parzen}", "parzen", part=True),
    ),
    Claim(
        r"Semi-supervised AAE has an error of $1.90 \pm 0.10$\,\% on MNIST with 100 labels \cite{makhzani2015aae}.",
        r"$1.90 \pm 0.10$\,\%, after many more epochs",
        printed=Rule(reach("aaesemi", "error", 2.0), r"table~\ref{tab:semisupervised}", "semisupervised", part=True),
        ours=Rule(
            beside(
                reach("aaesemi-views", "error", 2.0),
                "no autoencoder",
                reach("aaesemi-views_alone", "error", 2.0),
            ),
            r"table~\ref{tab:semisupervised}",
            "semisupervised",
        ),
    ),
    Claim(
        r"AAE sorts MNIST into 16 clusters with an error of $9.55 \pm 2.05$\,\% \cite{makhzani2015aae}.",
        r"$9.55 \pm 2.05$\,\%",
        printed=Rule(
            reach("aaesemi-clusters_16", "error, confident", 11.6),
            r"table~\ref{tab:clustering}",
            "clustering",
            part=True,
        ),
    ),
    Claim(
        r"The same for 30 clusters, $4.10 \pm 1.13$\,\%.",
        r"$4.10 \pm 1.13$\,\%",
        printed=Rule(
            reach("aaesemi-clusters_30", "error, confident", 5.23),
            r"table~\ref{tab:clustering}",
            "clustering",
            part=True,
        ),
    ),
    Claim(
        r"With labels in the decoder, AAE's $z$ is style, and the label says which digit is drawn "
        r"\cite{makhzani2015aae} (our aim: 99\,\%).",
        "a picture",
        ours=Rule(reach("aaelabel-informed_long", "obeyed", 99.0), r"table~\ref{tab:supervised}", "supervised"),
        printed=Rule(reach("aaelabel", "obeyed", 99.0), r"table~\ref{tab:supervised}", "supervised", part=True),
    ),
    Claim(
        r"With cluster heads in the plane and 1000 labels AAE has an error of 4.20\,\% \cite{makhzani2015aae}.",
        r"4.20\,\% (quoted from memory)",
        printed=Rule(reach("aaesemi-heads_1000", "error", 4.2), r"table~\ref{tab:dimensions}", "dimensions", part=True),
    ),
    Claim(
        r"Labels of some images put the codes of each digit into its part of the prior \cite{makhzani2015aae} "
        r"(our measure: nearest draw of the right part, 90\,\% of the test images).",
        "pictures",
        printed=Rule(reach("aaeplane", "placed", 90.0), r"table~\ref{tab:planes}", "planes", part=True),
    ),
    Claim(
        r"VAE/GAN generates better than a VAE \cite{larsen2015vaegan} (four epochs; no settings searched for).",
        "pictures and attribute scores on faces",
        ours=Rule(compare("vaegan", "vae", GENERATES), r"table~\ref{tab:similarity}", "similarity"),
    ),
    Claim(
        "The same against a VAE with the mixture of ten on its codes.",
        "",
        ours=Rule(compare("vaegan", "vae", GENERATES, control=MIXTURE), r"table~\ref{tab:similarity}", "similarity"),
    ),
    Claim(
        r"A learned similarity reconstructs what an image shows better than one of pixels, also where the decoder "
        r"does not play against the discriminator \cite{larsen2015vaegan}.",
        "pictures",
        ours=Rule(compare("vaedis", "vae", ("rec. features",)), r"table~\ref{tab:similarity}", "similarity"),
    ),
    Claim(
        r"VAE/GAN generates better than a GAN \cite{larsen2015vaegan} (four epochs, networks on which the GAN does not "
        r"collapse, rates of VAE/GAN).",
        "pictures and attribute scores on faces",
        ours=Rule(compare("vaegan", "gan", GENERATES), r"table~\ref{tab:similarity}", "similarity"),
    ),
    Claim(
        r"With labels, $s$ says which digit is drawn \cite{wang2018lpaae} (our aim: 98\,\%; three seeds of "
        r"four epochs, by the first judge alone).",
        "grids of pictures",
        ours=Rule(reach("lpaae-supervised", "obeyed", 98.0), r"table~\ref{tab:algorithm1-s}", "algorithm1"),
        printed=Rule(reach("lpaae-supervised_plain", "obeyed", 98.0), r"table~\ref{tab:algorithm1-s}", "algorithm1"),
    ),
    Claim(
        r"Without labels, the values of $s$ become the ten digits \cite{wang2018lpaae} "
        r"(our aim: $Q$ right for 90\,\%; as we run it, with terms of IIC, IMSAT and VAT, by seeds from 5 on, "
        "on none of which anything was chosen).",
        "grids of pictures",
        ours=Rule(fresh(reach("lpaae-unsupervised", "Q", 90.0), 5), r"table~\ref{tab:conditional}"),
        printed=Rule(reach("lpaae-unsupervised_plain", "Q", 90.0), r"table~\ref{tab:algorithm1-s}", "algorithm1"),
    ),
    Claim(
        r"With labels, a learned prior generates better than a fixed one \cite{wang2018lpaae}, here on digits.",
        "pictures only (on CIFAR-10: below)",
        ours=Rule(
            compare("lpaae-supervised", "lpaae-supervised_fixed", WITH_S),
            r"table~\ref{tab:conditions}",
            "conditions",
        ),
    ),
    Claim(
        r"With an $s$ that no label names, a learned prior generates better than a fixed one \cite{wang2018lpaae}, on "
        "digits.",
        "pictures only (on CIFAR-10: below)",
        ours=Rule(
            compare("lpaae-unsupervised", "lpaae-unsupervised_fixed", WITH_S),
            r"table~\ref{tab:conditions_unsupervised}",
            "conditions_unsupervised",
        ),
    ),
    Claim(
        "Arithmetic on VAE/GAN's codes moves strokes and slant more reliably than the same on "
        "principal components, the control.",
        "",
        ours=Rule(
            compare("vaegan", "vaegan", ("thickness r", "slant r"), control=COMPONENTS), r"table~\ref{tab:attributes}"
        ),
    ),
    Claim(
        r"Attributes that are added to a code come out better of VAE/GAN than of a VAE \cite{larsen2015vaegan}, at "
        "equal networks and epochs.",
        "attribute scores on faces",
        ours=Rule(
            compare("vaegan", "vae", ("thickness r", "slant r")), r"table~\ref{tab:similarity-attributes}", "similarity"
        ),
    ),
    Claim(
        "Arithmetic on VAE/GAN's codes moves strokes and slant more reliably than on AAE's.",
        "",
        ours=Rule(compare("vaegan", "aae", ("thickness r", "slant r")), r"table~\ref{tab:attributes}"),
    ),
    Claim(
        r"A learned prior disentangles $s$ and style better than a fixed one, the authors' adversarial autoencoder "
        r"with $s$ \cite{wang2018lpaae} ($z$ by descent through CG; of a fixed prior read off its code, "
        r"which may change what is found).",
        "grids of pictures",
        ours=Rule(
            compare("lpaae-supervised", "lpaae-supervised_fixed", DISENTANGLED),
            r"table~\ref{tab:disentanglement}",
            "conditions",
        ),
    ),
    Claim(
        "Without labels, $s$ is found in $z$ less often than the digit is in four measures of a real one.",
        "",
        ours=Rule(reach_real("lpaae-unsupervised", "nearest neighbours"), r"table~\ref{tab:disentanglement}"),
    ),
    Claim(
        "On CIFAR-10, the learned prior beats the control.",
        "",
        ours=Rule(
            compare("lpaae", "lpaae-fixed", GENERATES, control=MIXTURE),
            r"table~\ref{tab:cifar10-results}",
        ),
        dataset="cifar10",
    ),
    Claim(
        r"On CIFAR-10, a learned prior generates better than a fixed one \cite{wang2018lpaae}.",
        "Inception Score 7.31 against 6.37",
        ours=Rule(compare("lpaae", "lpaae-fixed", GENERATES), r"table~\ref{tab:cifar10-results}"),
        dataset="cifar10",
    ),
    Claim(
        "The same with labels (how $s$ enters the fixed prior is ours).",
        "Inception Score 6.52 against 6.20",
        ours=Rule(
            compare("lpaae-supervised", "lpaae-supervised_fixed", WITH_S), r"table~\ref{tab:cifar10-conditional}"
        ),
        dataset="cifar10",
    ),
    Claim(
        "The same with an $s$ that no label names.",
        "Inception Score 6.02 against 5.73",
        ours=Rule(
            compare("lpaae-unsupervised", "lpaae-unsupervised_fixed", WITH_S), r"table~\ref{tab:cifar10-conditional}"
        ),
        dataset="cifar10",
    ),
    Claim(
        r"LP-AAE's CIFAR-10 samples have the quality of the authors' published sheet.",
        r"score \res{sheet cifar10/learned} of that one sheet of 100, by our classifier",
        ours=Rule(
            reach_sheet("lpaae", "cifar10/learned"), r"table~\ref{tab:sheets}, figure~\ref{fig:cifar10-lpaae-latest}"
        ),
        dataset="cifar10",
    ),
]
