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


class Csp(nn.Module):
    def __init__(self, c, n):
        super().__init__()
        self.around, self.through = conv(c, c // 2, 1), conv(c, c // 2, 1)
        self.blocks = nn.ModuleList([nn.Sequential(conv(c // 2, c // 2, 3), conv(c // 2, c // 2, 3)) for _ in range(n)])
        self.out = conv(c, c, 1)

    def forward(self, x):
        around, x = self.around(x), self.through(x)
        for block in self.blocks:
            x = block(x) + x
        return self.out(torch.cat([x, around], 1))


class Own(nn.Module):
    """perception/train/own_network.c"""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(conv(3, 16, 3, 2), conv(16, 32, 3, 2))
        self.part, self.part_out = nn.Sequential(conv(32, 16, 1), conv(16, 16, 3)), conv(48, 32, 1)
        self.down = nn.ModuleList([conv(32, 64, 3, 2), conv(64, 96, 3, 2), conv(96, 160, 3, 2)])
        self.csp = nn.ModuleList([Csp(64, 2), Csp(96, 2), Csp(160, 1)])
        self.spp, self.spp_out = conv(160, 80, 1), conv(320, 160, 1)
        self.top, self.up = conv(160, 64, 1), nn.Upsample(scale_factor=2, mode="nearest")
        self.middle = nn.Sequential(conv(160, 64, 1), conv(64, 64, 3))
        self.fine = nn.Sequential(conv(128, 48, 1), conv(48, 48, 3))
        self.down16, self.out16 = conv(48, 64, 3, 2), conv(128, 64, 1)
        self.down32, self.out32 = conv(64, 64, 3, 2), conv(128, 96, 1)
        self.heads = nn.ModuleList([nn.Sequential(conv(c, m, 3), nn.Conv2d(m, 18, 1)) for c, m in ((48, 32), (64, 64), (96, 96))])
        self.tower = conv(48, 32, 3)
        self.lanes, self.road = nn.Conv2d(32, 27, 1), nn.Conv2d(32, 1, 1)

    def forward(self, x):
        x = self.stem(x)
        x = self.part_out(torch.cat([self.part(x), x], 1))
        at = []
        for down, csp in zip(self.down, self.csp):
            x = csp(down(x))
            at.append(x)
        pooled = [self.spp(x)]
        for _ in range(3):
            pooled.append(nn.functional.max_pool2d(pooled[-1], 5, 1, 2))
        top = self.top(self.spp_out(torch.cat(pooled, 1)))
        middle = self.middle(torch.cat([self.up(top), at[1]], 1))
        fine = self.fine(torch.cat([self.up(middle), at[0]], 1))
        x16 = self.out16(torch.cat([self.down16(fine), middle], 1))
        x32 = self.out32(torch.cat([self.down32(x16), top], 1))
        tower = self.tower(fine)
        out = [h(x) for h, x in zip(self.heads, (fine, x16, x32))] + [self.lanes(tower), self.road(tower)]
        return torch.cat([o.flatten() for o in out])


def main():
    name, threads, batch, steps = sys.argv[1], *map(int, sys.argv[2:5])
    last = len(sys.argv) > 5 and sys.argv[5] == "last"
    form = torch.channels_last if last else torch.contiguous_format
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    own = name == "own"
    net = (Own() if own else Net(name == "mobile")).to(memory_format=form)
    x = torch.rand(batch, 3, *((256, 416) if own else (160, 256))).to(memory_format=form)
    target = torch.rand(net(x).shape)
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
