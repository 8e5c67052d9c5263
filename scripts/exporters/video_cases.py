"""Networks for video `[N, C, T, H, W]`, through both exporters: torchvision's families, and a small one with every kind of layer of theirs."""

import torch
import torchvision

from torch_models import case


class TinyVideoNet(torch.nn.Module):
    """A stem as of R3D, a block with time and space apart, a residual block, a pool over all places."""

    def __init__(self):
        super().__init__()

        def convolution(a, b, kernel, stride=1):
            padding = tuple(k // 2 for k in kernel)
            return torch.nn.Sequential(torch.nn.Conv3d(a, b, kernel, stride, padding, bias=False), torch.nn.BatchNorm3d(b))

        self.stem = convolution(3, 8, (3, 5, 5), (1, 2, 2))
        self.space = convolution(8, 12, (1, 3, 3), (1, 2, 2))
        self.time = convolution(12, 16, (3, 1, 1), (2, 1, 1))
        self.pool = torch.nn.MaxPool3d((1, 3, 3), (1, 1, 1), (0, 1, 1))
        self.block = convolution(16, 16, (3, 3, 3))
        self.classes = torch.nn.Linear(16, 5)

    def forward(self, video):
        x = torch.relu(self.stem(video))
        x = self.pool(torch.relu(self.time(torch.relu(self.space(x)))))
        x = torch.relu(x + self.block(x))
        return self.classes(torch.nn.functional.adaptive_avg_pool3d(x, 1).flatten(1))


class FramesFirst(torch.nn.Module):
    """Takes `[N, T, C, H, W]`, as Hugging Face's networks for video do."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, pixel_values):
        return self.model(pixel_values.transpose(1, 2))


def make(folder):
    # `committed`: for which of the two, without or with dynamo, the file lies in tests/models/exporters.
    def both(name, build, shape, grid, source, committed=None, **more):
        for is_dynamo in (False, True):
            case(folder, f"{name}{'-dynamo' if is_dynamo else ''}", build, shape, opset=18 if is_dynamo else 17, is_dynamo=is_dynamo,
                 grid=grid, source=source, is_committed=committed == is_dynamo, **more)

    both("video-tiny", TinyVideoNet, (1, 3, 6, 32, 48), [3, 8, 12], "a small network for video", committed=False)
    both("video-frames-first", TinyVideoNet, (1, 3, 6, 32, 48), [3, 8, 12], "a small network for video, frames first",
         committed=True, in_file=(FramesFirst, (1, 6, 3, 32, 48)))
    for family, shape, grid in (
        ("r3d_18", (1, 3, 16, 64, 96), [2, 4, 6]), ("mc3_18", (1, 3, 8, 64, 96), [8, 4, 6]), ("r2plus1d_18", (1, 3, 16, 64, 96), [2, 4, 6]),
        ("swin3d_t", (1, 3, 8, 64, 96), [4, 2, 3]), ("s3d", (1, 3, 16, 224, 224), [2, 7, 7]),
    ):
        both(f"torchvision-{family}", lambda family=family: torchvision.models.get_model(family, weights=None, num_classes=10), shape, grid,
             f"torchvision {torchvision.__version__} {family}")
