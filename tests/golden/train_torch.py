"""The network of test_train.c in PyTorch: writes tests/golden/train/values.txt, a line a tensor.

Needs python3-torch; the test does not. Tensors are in our order: pictures (N, H, W, C), gates i, o, f, c.
"""
import math
import sys

import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(20)
torch.set_num_threads(1)
out = open(sys.argv[1] if len(sys.argv) > 1 else "tests/golden/train/values.txt", "w")


def put(name, t):
    flat = t.detach().reshape(-1).tolist()
    out.write(f"{name} {len(flat)} " + " ".join(f"{v:.9g}" for v in flat) + "\n")


def last(t):
    return t.permute(0, 2, 3, 1)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(3, 8, 3, 2, 1, bias=False)
        self.a_norm = nn.BatchNorm2d(8)
        self.b = nn.Conv2d(8, 8, 3, 1, 2, dilation=2, groups=2, bias=False)
        self.b_norm = nn.BatchNorm2d(8)
        self.c = nn.ConvTranspose2d(8, 4, 2, 2)
        self.f = nn.LSTM(12, 8, batch_first=True)
        self.f_norm = nn.LayerNorm(8)
        self.q, self.k, self.v = (nn.Linear(8, 8) for _ in range(3))
        self.h = nn.Linear(8, 6)
        self.boxes = nn.Parameter(torch.tensor([[0., 0, 2, 3], [1, 1, 4, 2.5], [0, 0, 1, 1]]))
        nn.init.zeros_(self.f.bias_hh_l0)
        self.f.bias_hh_l0.requires_grad = False

    def attend(self, x, mask):
        q, k, v = (l(x).reshape(2, 30, 2, 4).transpose(1, 2) for l in (self.q, self.k, self.v))
        score = (q @ k.transpose(2, 3) / math.sqrt(4)).masked_fill(mask[:, None, None, :] == 0, -math.inf)
        return (score.softmax(-1) @ v).transpose(1, 2).reshape(2, 30, 8)

    def forward(self, x, mask):
        a = F.silu(self.a_norm(self.a(x)))
        b = F.hardswish(self.b_norm(self.b(a)))
        c = F.max_pool2d(self.c(b), 2)
        d = F.avg_pool2d(F.interpolate(b, scale_factor=2, mode="bilinear", align_corners=False), 2)
        e = last(torch.cat([c, d], 1)).reshape(2, 30, 12)
        f = self.f_norm(self.f(e)[0])
        return d.mean((2, 3)), self.h(f + self.attend(f, mask))


def ciou(box, target):
    lt, rb = torch.max(box[:, :2], target[:, :2]), torch.min(box[:, 2:], target[:, 2:])
    inter = (rb - lt).clamp(min=0).prod(1)
    wh, twh = box[:, 2:] - box[:, :2], target[:, 2:] - target[:, :2]
    iou = inter / (wh.prod(1) + twh.prod(1) - inter)
    hull = torch.max(box[:, 2:], target[:, 2:]) - torch.min(box[:, :2], target[:, :2])
    apart = ((box[:, :2] + box[:, 2:] - target[:, :2] - target[:, 2:]) ** 2).sum(1) / 4
    v = 4 / math.pi ** 2 * (torch.atan(twh[:, 0] / twh[:, 1]) - torch.atan(wh[:, 0] / wh[:, 1])) ** 2
    alpha = (v / (1 - iou + v)).detach()
    return (1 - iou + apart / (hull ** 2).sum(1) + alpha * v).mean()


def gates(t):  # PyTorch: i f g o
    i, f, g, o = t.chunk(4)
    return torch.cat([i, o, f, g])


def parameters(net):
    """Ours to theirs, each with a function that gives our order."""
    same = lambda t: t
    yield from ((f"{n}.weight", getattr(net, n).weight, same) for n in "abchqkv")
    yield from ((f"{n}.bias", getattr(net, n).bias, same) for n in "chqkv")
    for n in ("a_norm", "b_norm", "f_norm"):
        yield f"{n}.weight", getattr(net, n).weight, same
        yield f"{n}.bias", getattr(net, n).bias, same
    yield "f.weight", net.f.weight_ih_l0, gates
    yield "f.recurrent", net.f.weight_hh_l0, gates
    yield "f.bias", net.f.bias_ih_l0, gates
    yield "boxes", net.boxes, same


def main():
    net = Net()
    x, mask = torch.randn(2, 3, 12, 10), (torch.rand(2, 30) < 0.7).float()
    labels = torch.randint(-1, 3, (2, 30))
    goal, seen, other = torch.randn(2, 30, 1), (torch.rand(2, 30) < 0.5).float(), torch.randn(2, 30, 1)
    gate = torch.rand(2, 8)
    target = torch.tensor([[0.5, 0.2, 2.2, 2.9], [1.5, 1.2, 3, 3], [2, 2, 3, 4.]])
    for name, t in (("x", last(x)), ("mask", mask), ("labels", labels), ("goal", goal), ("seen", seen),
                    ("other", other), ("gate", gate), ("target", target)):
        put(f"input {name}", t)
    for name, p, order in parameters(net):
        put(f"start {name}", order(p))
    decays = [p for n, p, _ in parameters(net) if n.split(".")[-1] in ("weight", "recurrent") and "norm" not in n]
    rest = [p for _, p, _ in parameters(net) if not any(p is d for d in decays)]
    optimiser = torch.optim.AdamW([{"params": decays, "weight_decay": 0.1}, {"params": rest, "weight_decay": 0}], lr=0.01)
    for step in range(3):
        optimiser.zero_grad()
        d, y = net(x, mask)
        apart = F.smooth_l1_loss(y[..., 3], goal[..., 0], beta=0.5, reduction="none")
        s, far = y[..., 5], (y[..., 4] - other[..., 0])
        terms = [F.cross_entropy(y[..., :3].reshape(60, 3), labels.reshape(60), ignore_index=-1),
                 (apart * seen).sum() / seen.sum(), (s + far ** 2 / (2 * (2 * s).exp())).mean(),
                 F.binary_cross_entropy_with_logits(d, gate), ciou(net.boxes, target)]
        loss = terms[0] + 0.5 * terms[1] + sum(terms[2:])
        loss.backward()
        put(f"terms {step}", torch.stack(terms))
        if step == 0:
            put("output y", y)
            for name, p, order in parameters(net):
                put(f"gradient {name}", order(p.grad))
        put(f"norm {step}", nn.utils.clip_grad_norm_([p for _, p, _ in parameters(net)], 0.7))
        optimiser.step()
    for name, p, order in parameters(net):
        put(f"end {name}", order(p))
    for n in ("a_norm", "b_norm"):
        put(f"end {n}.running_mean", getattr(net, n).running_mean)
        put(f"end {n}.running_var", getattr(net, n).running_var)


main()
