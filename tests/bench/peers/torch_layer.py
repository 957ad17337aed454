"""PyTorch on one convolution, planes last in memory:  torch_layer.py LAYER  (see layer.h)

Debian's PyTorch does not read ONNX, so it is asked for single layers only."""
import sys

import torch

from serve import serve

C, M, H, W, kernel, stride, dilation, groups, transposed = map(int, sys.argv[1].split(","))
torch.set_num_threads(1)
state = {}


def pattern(scale, offset, *shape):
    count = 1
    for n in shape:
        count *= n
    return ((torch.arange(count) * 7919 % 256).float() / 255 * scale + offset).reshape(shape)


def load():
    shape = (C, M // groups) if transposed else (M, C // groups)
    nhwc = torch.channels_last
    state["x"] = pattern(1, 0, 1, C, H, W).to(memory_format=nhwc)
    state["w"] = pattern(1, -0.5, *shape, kernel, kernel).to(memory_format=nhwc)


def run():
    function = torch.nn.functional
    with torch.inference_mode():
        if transposed:
            state["y"] = function.conv_transpose2d(state["x"], state["w"], stride=stride,
                                                   groups=groups)
        else:
            state["y"] = function.conv2d(state["x"], state["w"], stride=stride, dilation=dilation,
                                         padding=(kernel - 1) * dilation // 2, groups=groups)


serve(load, run, lambda: [state["y"]])
