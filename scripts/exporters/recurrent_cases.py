"""Networks that read an image row by row or column by column with a recurrent layer, through both exporters."""

import torch

from torch_models import case


class Rows(torch.nn.Module):
    """The rows of an image are the steps; the last state is classified."""

    def __init__(self, kind, **more):
        super().__init__()
        self.recurrent = getattr(torch.nn, kind)(12, 10, batch_first=True, **more)
        self.classes = torch.nn.Linear(20 if more.get("bidirectional") else 10, 5)

    def forward(self, image):
        steps, _ = self.recurrent(image.flatten(1, 2))
        return self.classes(steps[:, -1])


class Columns(torch.nn.Module):
    """Convolutions, then a recurrent layer along the width in both directions, as readers of text lines have them."""

    def __init__(self):
        super().__init__()
        self.features = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3, 2, 1), torch.nn.ReLU(), torch.nn.Conv2d(8, 6, 3, 2, 1), torch.nn.ReLU())
        self.recurrent = torch.nn.GRU(6 * 4, 8, bidirectional=True)
        self.classes = torch.nn.Linear(16, 5)

    def forward(self, image):
        columns = self.features(image).permute(3, 0, 1, 2).flatten(2)
        steps, _ = self.recurrent(columns)
        return self.classes(steps.mean(0))


def make(folder):
    def both(name, build, shape, grid, committed=None):
        for is_dynamo in (False, True):
            case(folder, f"{name}{'-dynamo' if is_dynamo else ''}", build, shape, opset=18 if is_dynamo else 17, is_dynamo=is_dynamo,
                 grid=grid, source="a small recurrent network", is_committed=committed == is_dynamo)

    for kind, more in (("LSTM", {}), ("LSTM", {"num_layers": 2, "bidirectional": True}), ("GRU", {}), ("RNN", {"nonlinearity": "relu"})):
        name = f"recurrent-{kind.lower()}{'-both-ways' if more.get('bidirectional') else ''}"
        both(name, lambda kind=kind, more=more: Rows(kind, **more), (1, 1, 9, 12), None)
    both("recurrent-columns", Columns, (1, 3, 16, 40), [4, 10], committed=False)
