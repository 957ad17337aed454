"""The networks of bench_train.c in PyTorch: prints the same line.

train_torch.py NET THREADS BATCH STEPS [first|last]   channels first (PyTorch's own) or last in memory
"""
import sys
import time

import torch
from torch import nn

WIDTHS = [16, 32, 64, 128]


def conv(c, m, kernel, stride=1, groups=1, act=True):
    layers = [nn.Conv2d(c, m, kernel, stride, kernel // 2, groups=groups, bias=False), nn.BatchNorm2d(m)]
    return nn.Sequential(*layers, *([nn.ReLU(inplace=True)] if act else []))


class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.a, self.b = conv(c, c, 3), conv(c, c, 3, act=False)

    def forward(self, x):
        return torch.relu_(self.b(self.a(x)) + x)


def separable(c, m, stride=1):
    return nn.Sequential(conv(c, c, 3, stride, c), conv(c, m, 1))


class Net(nn.Module):
    def __init__(self, mobile):
        super().__init__()
        self.stem = conv(3, WIDTHS[0], 3, 2)
        stages = []
        for c, m in zip(WIDTHS, WIDTHS[1:]):
            if mobile:
                stages.append(nn.Sequential(separable(c, m, 2), separable(m, m), separable(m, m)))
            else:
                stages.append(nn.Sequential(conv(c, m, 3, 2), Block(m)))
        self.stages = nn.ModuleList(stages)
        self.neck = nn.Sequential(conv(128, 64, 1), nn.Upsample(scale_factor=2, mode="nearest"))
        self.merge = separable(128, 64) if mobile else conv(128, 64, 3)
        self.out = nn.Conv2d(64, 8, 1)

    def forward(self, x):
        x = self.stem(x)
        for stage in self.stages:
            skip, x = x, stage(x)
        return self.out(self.merge(torch.cat([self.neck(x), skip], 1)))


def main():
    name, threads, batch, steps = sys.argv[1], *map(int, sys.argv[2:5])
    last = len(sys.argv) > 5 and sys.argv[5] == "last"
    form = torch.channels_last if last else torch.contiguous_format
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    net = Net(name == "mobile").to(memory_format=form)
    x = torch.rand(batch, 3, 160, 256).to(memory_format=form)
    target = torch.rand(batch, 8, 20, 32)
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3)
    ms = []
    for _ in range(steps + 1):
        start = time.perf_counter()
        optimiser.zero_grad(set_to_none=True)
        loss = nn.functional.binary_cross_entropy_with_logits(net(x), target)
        loss.backward()
        optimiser.step()
        ms.append(1e3 * (time.perf_counter() - start))
    ms = sorted(ms[1:])
    weights = sum(p.numel() for p in net.parameters())
    print(f"torch {name:8} {threads} threads, batch {batch}: {1e3 * batch / ms[len(ms) // 2]:.1f} images/s "
          f"(median {ms[len(ms) // 2]:.1f} ms, best {ms[0]:.1f}), {weights} weights, "
          f"channels {'last' if last else 'first'}, loss {loss.item():.4f}", flush=True)


main()
