"""A frozen encoder and a trained head in PyTorch on the CPU, as a network of skybias, the way Zoobot is mostly used.

    frozen_encoder.py train IMAGES LABELS MODEL SEED THREADS RESUME
    frozen_encoder.py annotate IMAGES MODEL SCORES THREADS

The encoder here is a small convolutional network with fixed random filters, because weights need a download. One of
Zoobot's is `timm.create_model("hf_hub:mwalmsley/zoobot-encoder-convnext_nano", pretrained=True, num_classes=0)`.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

AT_A_TIME = 256
EPOCHS = 40


def encoder(channels):
    """From images (n, channels, height, width) to features (n, 256); the same weights in every run."""
    generator = torch.Generator().manual_seed(0)
    layers = []
    for before, after in ((channels, 32), (32, 64), (64, 128)):
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    network = nn.Sequential(*layers)
    for values in network.parameters():
        # He et al. 2015 (arXiv:1502.01852): the filters keep the scale of what passes them.
        scale = (2 / values[0].numel()) ** 0.5 if values.dim() > 1 else 0.0
        values.data = torch.randn(values.shape, generator=generator) * scale
        values.requires_grad_(False)
    return network.eval()


@torch.no_grad()
def features(images):
    """Mean and largest value of each channel of the encoder over the image, piece by piece."""
    frozen, found = encoder(images.shape[3]), []
    for start in range(0, len(images), AT_A_TIME):
        pixels = torch.from_numpy(images[start : start + AT_A_TIME].astype(np.float32) / 255).permute(0, 3, 1, 2)
        maps = frozen(pixels).flatten(2)
        found.append(torch.cat([maps.mean(2), maps.amax(2)], dim=1))
    return torch.cat(found)


def train(images, labels, model, seed, threads, resume):
    """Fit the head and write it; after a kill, go on from the last checkpoint."""
    torch.set_num_threads(int(threads))
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(int(seed))
    seen, wanted = features(np.load(images, mmap_mode="r")), torch.from_numpy(np.load(labels).astype(np.float32))
    mean, scatter = seen.mean(0), seen.std(0) + 1e-6
    head = nn.Linear(seen.shape[1], 1)
    optimizer = torch.optim.AdamW(head.parameters(), lr=1e-3, weight_decay=1.0)
    checkpoint, first = Path(resume, "last.pt"), 0
    if checkpoint.exists():
        kept = torch.load(checkpoint, weights_only=True)
        head.load_state_dict(kept["head"])
        optimizer.load_state_dict(kept["optimizer"])
        first = kept["epoch"]
    for epoch in range(first, EPOCHS):
        order = torch.randperm(len(seen), generator=torch.Generator().manual_seed(int(seed) * EPOCHS + epoch))
        for batch in order.split(64):
            loss = nn.functional.binary_cross_entropy_with_logits(
                head((seen[batch] - mean) / scatter)[:, 0], wanted[batch]
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        if epoch % 10 == 9:
            state = {"head": head.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch + 1}
            partial = checkpoint.with_suffix(".partial")
            torch.save(state, partial)
            partial.replace(checkpoint)
            print(f"epoch {epoch + 1}: loss {loss.item():.4f}")
    torch.save({"head": head.state_dict(), "mean": mean, "scatter": scatter}, model)
    print(f"torch=={torch.__version__}")


@torch.no_grad()
def annotate(images, model, scores, threads):
    """Write the probability of class 1 for each image, in their order."""
    torch.set_num_threads(int(threads))
    kept, seen = torch.load(model, weights_only=True), features(np.load(images, mmap_mode="r"))
    head = nn.Linear(seen.shape[1], 1)
    head.load_state_dict(kept["head"])
    np.save(scores, torch.sigmoid(head((seen - kept["mean"]) / kept["scatter"])[:, 0]).numpy())


if __name__ == "__main__":
    {"train": train, "annotate": annotate}[sys.argv[1]](*sys.argv[2:])
