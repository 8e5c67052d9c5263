"""torchvision families through both exporters, on an image that is wider than high where the family allows it."""

import torchvision

from torch_models import case


def make(folder):
    for family, shape, grid in (
        ("resnet18", (1, 3, 64, 96), [2, 3]), ("mobilenet_v3_small", (1, 3, 64, 96), [2, 3]), ("swin_t", (1, 3, 64, 96), [2, 3]),
        ("swin_v2_t", (1, 3, 64, 96), [2, 3]), ("maxvit_t", (1, 3, 224, 224), [7, 7]), ("vit_b_32", (1, 3, 224, 224), [7, 7]),
        ("convnext_tiny", (1, 3, 64, 96), [2, 3]), ("alexnet", (1, 3, 224, 224), [6, 6]), ("vgg11", (1, 3, 224, 224), [7, 7]),
    ):
        for is_dynamo in (False, True):
            # weights=None draws them from the seed.
            case(folder, f"torchvision-{family}{'-dynamo' if is_dynamo else ''}",
                 lambda family=family: torchvision.models.get_model(family, weights=None, num_classes=10), shape,
                 opset=18 if is_dynamo else 17, is_dynamo=is_dynamo, grid=grid, source=f"torchvision {torchvision.__version__} {family}")
