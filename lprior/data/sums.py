"""What is known of data sets: how many images they have, and SHA-256 sums of their pixels and labels.

Files are verified by them whatever they were unpacked or decoded by. The sums are those that `Dataset` computes, in the
order in which images are trained on.
"""

from dataclasses import dataclass
from pathlib import Path

from lprior.data.images import Dataset
from lprior.errors import UserError


@dataclass(frozen=True)
class Known:
    """One split of a data set; a sum that is "" is not known: torchvision's MD5 of archives is all there is."""

    title: str
    count: int
    images: str = ""
    labels: str = ""


KNOWN = {
    ("mnist", "train"): Known(
        "MNIST", 60_000,
        images="741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
        labels="e474323ac02fc156161b0bbb1f8c9cfeb327a74bcd9f9680a8385269a24f566c",
    ),
    ("mnist", "test"): Known(
        "MNIST", 10_000,
        images="6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
        labels="2fd8de6bdb8d11780b4b96dc57847bcfe6953f7c32aa48bfcd8237c3b7847243",
    ),
    ("fashion-mnist", "train"): Known("Fashion-MNIST", 60_000),
    ("fashion-mnist", "test"): Known("Fashion-MNIST", 10_000),
    ("mnist5k", "train"): Known(
        "the embedded digits", 4500,
        images="331961b52ccf47e76f7cc2f42fc58cda4a6df9ff6e1c00303ce630e3823d8e26",
        labels="9c52ad237ea90b1863a02efec7615b657cca6ad0b8caffe5754b90b25b48c393",
    ),
    ("mnist5k", "test"): Known(
        "the embedded digits", 500,
        images="6a1e4d7cb0fce4a5acfc446219d93f0cffbd00ca776e47ccca1e7194685ee6ce",
        labels="28fd88cdd0309a836b96f41a0819c2ed5c2afaa09a82bb268be98a38f67b7d90",
    ),
    ("cifar10", "train"): Known("CIFAR-10", 50_000),
    ("cifar10", "test"): Known("CIFAR-10", 10_000),
    ("svhn", "train"): Known("SVHN", 73_257),
    ("svhn", "test"): Known("SVHN", 26_032),
    ("cifar10-jpeg", "train"): Known(
        "CIFAR-10 (JPEG)", 50_000,
        images="42130ae6b75e5471873561ca86473f233754826aa3f94eb1eb8dbcab328ce54e",
        labels="0f6c83ed66d4e4f279acf776beac2046e59eb4eff42286eca6003ac0be8d71ee",
    ),
    ("cifar10-jpeg", "test"): Known(
        "CIFAR-10 (JPEG)", 10_000,
        images="1345bf165e930f21c302698c5fb23c9f16786829537f6aec1a353dd17fe68b94",
        labels="e35f16bddc43017a28f4daba637454223c13917dd3b072cc9f4a0682a7674878",
    ),
}  # fmt: skip


def check(dataset: Dataset, row: str, split: str, where: str | Path, exact: bool = True) -> Dataset:
    """The data set itself, if it is what `row` of the table says, and nothing that another row says.

    `exact`: False for pictures that need not be those of the row. Raises UserError, which begins with `where`.
    """
    found = {"images": dataset.sha256, "labels": dataset.labels_sha256}
    for (other, part), known in KNOWN.items():
        for what, ours in found.items():
            if getattr(known, what) == ours and (other, part) != (row, split):
                raise UserError(f"{where}: these are the {part} {what} of {known.title}. Delete or replace them")
    expected = KNOWN.get((row, split)) if exact else None
    if expected is None:
        return dataset
    if len(dataset.images) != expected.count:
        raise UserError(
            f"{where}: {expected.title} has {expected.count} {split} images, not {len(dataset.images)}. "
            "Delete or replace them"
        )
    for what, ours in found.items():
        if (theirs := getattr(expected, what)) not in ("", ours):
            raise UserError(
                f"{where}: the {split} {what} are not those of {expected.title}: SHA-256 expected {theirs}, found "
                f"{ours}. Delete or replace them"
            )
    return dataset
