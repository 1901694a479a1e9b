"""What a classifier can learn from without labels: the information of its answers (IIC), and their frequencies."""

import torch
from torch import Tensor


def mutual_information(logits: Tensor, logits_view: Tensor) -> Tensor:
    """I(c; c') in nats of the classes that a classifier gives an image and another view of it.

    High if the two agree, and the classes are many and equally frequent (Ji, Henriques and Vedaldi 2019, IIC). Logits
    (N, classes) of both. The joint distribution is that of the N pairs, made symmetric.
    """
    one, other = logits.float().softmax(dim=1), logits_view.float().softmax(dim=1)
    joint = (one.unsqueeze(2) * other.unsqueeze(1)).mean(dim=0)  # no matrix product: autocast would round it
    joint = ((joint + joint.T) / 2).clamp(min=torch.finfo(torch.float32).eps)
    alone = joint.sum(dim=0).log()
    return (joint * (joint.log() - alone - alone.unsqueeze(1))).sum()


def marginal_entropy(logits: Tensor) -> Tensor:
    """Entropy in nats of how often a classifier gives each class: of its probabilities' mean over images.

    Logits (N, classes). Largest, log(classes), where all classes are equally frequent.
    """
    frequency = logits.float().softmax(dim=1).mean(dim=0).clamp(min=torch.finfo(torch.float32).eps)
    return -(frequency * frequency.log()).sum()
