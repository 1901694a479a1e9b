import pytest
import torch
from torch import nn
from torch.nn import functional as F

from lprior.algorithms.autoencoder import Autoencoder
from lprior.errors import UserError
from lprior.networks import DCGAN, MLP, Compact, Paper, Strong
from lprior.networks.layers import is_spectrally_normalised, normalise
from lprior.networks.sngan import convolution

CODE, NOISE, N = 3, 5, 2
SETS = [
    Compact(1, 28, width=2), Compact(3, 32, width=2), DCGAN(3, 32, width=2),
    Paper(1, 32, width=2), Paper(3, 32, width=2),
    Strong(3, 32, width=2), MLP(1, 28, width=4), MLP(3, 32, width=4),
]  # fmt: skip


@pytest.fixture(params=SETS, ids=lambda s: f"{type(s).__name__}-{s.channels}x{s.size}")
def make(request):
    torch.manual_seed(0)
    return request.param


@pytest.fixture
def x(make):
    return torch.rand(N, make.channels, make.size, make.size) * 2 - 1


def test_shapes_of_codes(make, x):
    assert make.encoder(CODE)(x).shape == (N, CODE)
    assert make.code_generator(NOISE, CODE)(torch.randn(N, NOISE)).shape == (N, CODE)
    assert make.code_discriminator(CODE)(torch.randn(N, CODE)).shape == (N, 1)


def test_the_decoder_gives_images_of_the_input_size_in_range(make, x):
    decoded = make.decoder(CODE)(100 * torch.randn(N, CODE))
    assert decoded.shape == x.shape
    assert decoded.min() >= -1 and decoded.max() <= 1


def test_the_features_of_the_image_discriminator_are_what_its_head_judges(make, x):
    discriminator = make.image_discriminator().eval()
    logits, features = discriminator(x)
    assert logits.shape == (N, 1)
    assert features.ndim == 4 and len(features) == N
    assert torch.equal(logits, discriminator.head(features))
    judged = []
    discriminator.head.register_forward_pre_hook(lambda module, inputs: judged.append(inputs[0]))
    assert discriminator(x)[1] is judged[0]


def test_every_parameter_of_every_network_gets_a_gradient(make, x):
    """`updates.update` refuses a loss that misses one."""
    z = torch.randn(N, CODE)
    enc, dec, D_I = make.encoder(CODE), make.decoder(CODE), make.image_discriminator()
    CG, D_C = make.code_generator(NOISE, CODE), make.code_discriminator(CODE)
    for network, output in (
        (enc, enc(x)), (dec, dec(z)), (CG, CG(torch.randn(N, NOISE))), (D_C, D_C(z)), (D_I, D_I(x)[0]),
    ):  # fmt: skip
        gradients = torch.autograd.grad(output.square().sum(), list(network.parameters()), allow_unused=True)
        assert None not in gradients


def test_the_classifier_is_a_second_head_on_the_same_features(make, x):
    logits = make.classifier(10)(make.image_discriminator()(x)[1])
    assert logits.shape == (N, 10)


@pytest.mark.parametrize("block", [1, 2, 3])
@pytest.mark.parametrize("kind", [DCGAN, Paper])
def test_features_can_be_those_of_an_earlier_block(kind, block):
    """The same network, cut elsewhere: the logits stay, and each block's map has half the size of the last one's."""
    torch.manual_seed(0)
    whole = kind(3, 32, width=2).image_discriminator().eval()
    torch.manual_seed(0)
    make = kind(3, 32, width=2, feature_block=block)
    discriminator, x = make.image_discriminator().eval(), torch.randn(N, 3, 32, 32)
    logits, features = discriminator(x)
    assert torch.equal(logits, whole(x)[0])
    assert features.shape[2] == 32 // 2**block
    assert make.classifier(10)(features).shape == (N, 10)


def test_the_strong_networks_have_the_sizes_of_sn_gan():
    """At width 64: 256 channels in the generator, 128 in the discriminator, skip paths of 1x1 convolutions."""
    make, code = Strong(3), 128
    up = 2 * 256**2 * 9 + 256**2 + 2 * 2 * 256
    decoder = linear(code, 256 * 16) + 3 * up + 2 * 256 + conv(256, 3, 3)
    first, same = conv(3, 128, 3) + 3 * 128, 2 * conv(128, 128, 3)
    down = same + 128**2
    assert count(make.decoder(code)) == decoder
    assert count(make.image_discriminator()) == first + conv(128, 128, 3) + down + 2 * same + linear(128, 1)


def test_a_convolution_that_resizes_does_what_the_two_operations_do():
    x = torch.randn(N, 3, 8, 8, dtype=torch.double)
    down, up = (convolution(3, 5, resize, True, normalise(False)).double() for resize in ("down", "up"))
    weight = down.parametrizations.weight.original
    assert torch.allclose(down(x), F.avg_pool2d(F.conv2d(x, weight, down.bias, padding=1), 2))
    weight = up.parametrizations.weight.original.transpose(0, 1).flip(2, 3)  # of transposed to plain
    assert torch.allclose(up(x), F.conv2d(F.interpolate(x, scale_factor=2), weight, up.bias, padding=1))


def test_fully_connected_networks_have_two_hidden_layers_of_their_width():
    make = MLP(1, 28, width=1000)
    assert count(make.encoder(8)) == linear(784, 1000) + linear(1000, 1000) + linear(1000, 8)
    assert count(make.decoder(8)) == linear(8, 1000) + linear(1000, 1000) + linear(1000, 784)
    assert count(make.code_discriminator(8)) == linear(8, 1000) + linear(1000, 1000) + linear(1000, 1)


@pytest.mark.parametrize("block", [0, 3])
def test_a_block_that_the_image_discriminator_lacks_is_refused(block):
    with pytest.raises(UserError, match=f"from 1 to 2, as many as D_I has, not {block}"):
        Compact(1, 28, feature_block=block).image_discriminator()


@pytest.mark.parametrize("wanted", [True, False])
@pytest.mark.parametrize("kind", [Compact, DCGAN, MLP, Paper, Strong])
def test_spectral_normalisation_is_of_every_layer_of_the_image_discriminator_or_of_none(kind, wanted):
    discriminator = kind(1, 32, width=2, spectral_norm=wanted).image_discriminator()
    layers = [layer for layer in discriminator.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    assert {is_spectrally_normalised(layer) for layer in layers} == {wanted}


def count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def conv(c_in: int, c_out: int, kernel: int) -> int:
    return c_in * c_out * kernel**2 + c_out


def block(c_in: int, c_out: int) -> int:
    """A convolution of 4x4 without bias, and BatchNorm."""
    return c_in * c_out * 16 + 2 * c_out


def linear(c_in: int, c_out: int, bias: bool = True) -> int:
    return c_in * c_out + c_out * bias


def down(c_in: int, c_out: int) -> int:
    """A residual block that halves the size, with a 1x1 projection on its skip path."""
    return conv(c_in, c_out, 3) + conv(c_out, c_out, 3) + conv(c_in, c_out, 1)


def test_the_papers_networks_have_the_sizes_of_its_table():
    """At width 64 and code 8, for MNIST; BatchNorm has two parameters per channel."""
    make, code = Paper(1), 8
    encoder = conv(1, 64, 3) + 2 * conv(64, 64, 3) + down(64, 128) + down(128, 256) + down(256, 512)
    encoder += linear(512, 16, bias=False) + 2 * 16 + linear(16, 8)
    D_C = linear(8, 1000) + linear(1000, 500) + linear(500, 200) + linear(200, 1)
    CG = linear(8, 16, bias=False) + 2 * 16 + linear(16, 8, bias=False) + 2 * 8
    assert count(make.encoder(code)) == encoder
    assert count(make.code_discriminator(code)) == D_C
    assert count(make.code_generator(code, code)) == CG


def test_the_small_dcgan_halves_the_image_three_times():
    """At width 32 and code 64; BatchNorm has two parameters per channel, and the convolution before it no bias."""
    make, code = DCGAN(3), 64
    between = block(32, 64) + block(64, 128)
    upwards = block(128, 64) + block(64, 32)
    assert count(make.encoder(code)) == block(3, 32) + between + linear(128 * 16, code)
    assert count(make.decoder(code)) == code * 128 * 16 + 2 * 128 + upwards + conv(32, 4 * 3, 3)
    assert count(make.image_discriminator()) == conv(3, 32, 4) + between + linear(128 * 16, 1)


def test_width_scales_the_networks():
    assert count(Compact(1, 28, width=8).encoder(CODE)) > count(Compact(1, 28, width=4).encoder(CODE))


def test_the_compact_image_discriminator_is_spectrally_normalised():
    """After many power iterations in training mode, no layer stretches its input by more than about one."""
    torch.manual_seed(0)
    discriminator = Compact(1, 8, width=4).image_discriminator()
    for module in discriminator.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            for _ in range(50):
                weight = module.weight
            assert torch.linalg.matrix_norm(weight.flatten(1), 2).item() == pytest.approx(1, abs=0.02)


def test_sampling_is_by_running_statistics_and_independent_of_the_batch():
    torch.manual_seed(0)
    make = Compact(1, 8, width=2)
    model = Autoencoder(make.encoder(CODE), make.decoder(CODE), make.code_generator(CODE, CODE)).eval()
    z = torch.randn(6, CODE)
    torch.testing.assert_close(model(z)[:2], model(z[:2]))


@pytest.mark.parametrize("kind", [Compact, DCGAN, Paper, Strong])
def test_each_pass_has_a_power_iteration_and_weights_in_float32(kind, monkeypatch):
    """Gradients of the passes are then added in float32."""
    from torch.nn.utils.parametrizations import _SpectralNorm

    calls, iterate = [], _SpectralNorm._power_method
    monkeypatch.setattr(_SpectralNorm, "_power_method", lambda self, *a: calls.append(self) or iterate(self, *a))
    discriminator = kind(1, 32, width=2, spectral_norm=True).image_discriminator()
    layers = [layer for layer in discriminator.modules() if is_spectrally_normalised(layer)]
    calls.clear()
    for _ in range(3):
        discriminator(torch.ones(2, 1, 32, 32))
    assert layers and len(calls) == 3 * len(layers) == 3 * len(set(calls))
    with torch.autocast("cpu", torch.bfloat16):
        discriminator(torch.ones(2, 1, 32, 32))
        assert {layer.weight.dtype for layer in layers} == {torch.float32}


@pytest.mark.parametrize(("algorithm", "passes"), [("lpaae", 3), ("vaegan", 3), ("gan", 2), ("vaedis", 3)])
def test_a_step_iterates_once_for_each_pass(algorithm, passes, monkeypatch):
    from torch.nn.utils.parametrizations import _SpectralNorm

    from lprior.config import resolve
    from lprior.training.configured import start

    training = start(resolve(algorithm, "mnist5k", "smoke"), torch.device("cpu"))
    calls, iterate = [], _SpectralNorm._power_method
    monkeypatch.setattr(_SpectralNorm, "_power_method", lambda self, *a: calls.append(self) or iterate(self, *a))
    training.train_step(torch.zeros(64, 1, 28, 28))
    assert calls and len(calls) == passes * len(set(calls))
