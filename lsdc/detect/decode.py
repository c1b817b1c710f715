"""YOLOv8's raw head output to boxes with scores: anchors, distribution focal loss, suppression of doubles.

Source: Generalized Focal Loss (Li et al. 2020) for the distances; the anchor grid and order of YOLOv8's head.
"""

import torch
from torchvision.ops import batched_nms

STRIDES = (8, 16, 32)
BINS = 16  # of each distance's distribution
MOST = 300  # boxes kept of an image


def anchor_points(size_hw: tuple[int, int], device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """(A, 2) cell centres x, y in cells of their own stride, and (A,) strides, in the order of the head's output."""
    centres, strides = [], []
    for stride in STRIDES:
        rows, columns = size_hw[0] // stride, size_hw[1] // stride
        y, x = torch.meshgrid(torch.arange(rows, device=device) + 0.5, torch.arange(columns, device=device) + 0.5,
                              indexing="ij")
        centres.append(torch.stack([x.flatten(), y.flatten()], dim=1))
        strides.append(torch.full((rows * columns,), float(stride), device=device))
    return torch.cat(centres), torch.cat(strides)


def decode_boxes(raw: torch.Tensor, size_hw: tuple[int, int]) -> tuple[torch.Tensor, torch.Tensor]:
    """(B, 64 + C, A) raw head output of (H, W) images to (B, A, 4) boxes x1, y1, x2, y2 in px and (B, A, C) scores."""
    centres, strides = anchor_points(size_hw, raw.device)
    distances, logits = raw.split([4 * BINS, raw.shape[1] - 4 * BINS], dim=1)
    weights = distances.unflatten(1, (4, BINS)).softmax(dim=2)  # (B, 4, BINS, A)
    sides = torch.einsum("bska,k->bas", weights, torch.arange(BINS, dtype=raw.dtype, device=raw.device))
    boxes = torch.cat([centres - sides[..., :2], centres + sides[..., 2:]], dim=2) * strides[:, None]
    return boxes, logits.sigmoid().transpose(1, 2)


def select_boxes(
    boxes: torch.Tensor, scores: torch.Tensor, classes: tuple[int, ...], *, confidence: float, overlap: float
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Boxes of one image that stand: (A, 4) and (A, C) to (K, 4) boxes, (K,) scores, (K,) classes, best first.

    Only `classes` are looked at; an anchor may speak for several of them. Within a class, a box that overlaps
    (IoU) a better one by more than `overlap` is dropped.
    """
    wanted = torch.tensor(classes, device=scores.device)
    anchors, picked = torch.nonzero(scores[:, wanted] > confidence, as_tuple=True)
    chosen, named = scores[anchors, wanted[picked]], wanted[picked]
    kept = batched_nms(boxes[anchors], chosen, named, overlap)[:MOST]
    return boxes[anchors[kept]], chosen[kept], named[kept]
