"""Tiles, uint8 images of one size, as a picture."""

import io

from PIL import Image
from torch import Tensor
from torchvision.transforms.functional import to_pil_image
from torchvision.utils import make_grid

COLUMNS = 10  # of a sheet of samples


def sheet(tiles: Tensor, padding: int = 2, columns: int = COLUMNS) -> Image.Image:
    """uint8 images (N, C, H, W) in rows, as they are, `padding` black pixels around each."""
    return to_pil_image(make_grid(tiles, nrow=columns, padding=padding))


def png(picture: Image.Image) -> bytes:
    """The bytes of its file."""
    content = io.BytesIO()
    picture.save(content, format="png")
    return content.getvalue()
