"""As much of the ONNX and NumPy formats as the comparison needs, without either library."""
import array
import struct

NUMPY = {1: "<f4", 2: "|u1", 3: "|i1", 6: "<i4", 7: "<i8", 9: "|b1", 11: "<f8"}  # of TensorProto


# ---- reading: TensorProto -> .npy ---------------------------------------------------------------
def _varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def fields(data):
    """(number, value) of each field of a message: an integer, or the bytes."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind, size = key & 7, {1: 8, 5: 4}.get(key & 7)
        if kind == 0:
            value, at = _varint(data, at)
        else:
            if kind == 2:
                size, at = _varint(data, at)
            value, at = data[at:at + size], at + size
        yield key >> 3, value


def _integers(value):
    if isinstance(value, int):
        return [value]
    found, at = [], 0
    while at < len(value):
        one, at = _varint(value, at)
        found.append(one)
    return found


def tensor(data):
    """(dtype as NumPy writes it, shape, the numbers' bytes) of a TensorProto."""
    shape, kind, numbers = [], None, b""
    for number, value in fields(data):
        if number == 1:
            shape += _integers(value)
        elif number == 2:
            kind = value
        elif number in (4, 9):  # float_data, raw_data
            numbers += value
        elif number == 7:  # int64_data
            numbers += array.array("Q", _integers(value)).tobytes()
    return NUMPY[kind], tuple(shape), numbers


def npy(dtype, shape, numbers):
    head = str({"descr": dtype, "fortran_order": False, "shape": shape}).encode()
    head += b" " * (63 - (len(head) + 10) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + numbers


# ---- writing: a model of one convolution --------------------------------------------------------
def _number(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def field(number, value):
    if isinstance(value, int):
        return _number(number << 3) + _number(value)
    value = value.encode() if isinstance(value, str) else value
    return _number(number << 3 | 2) + _number(len(value)) + value


def _integers_attribute(name, values):
    return field(1, name) + b"".join(field(8, v) for v in values) + field(20, 7)


def _value_info(name, shape):
    dims = b"".join(field(1, field(1, d)) for d in shape)
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, dims)))


def pattern(count, offset):
    return array.array("f", (i * 7919 % 256 / 255 + offset for i in range(count))).tobytes()


class Layer:
    """One convolution; the text is what peers/layer.h reads."""

    def __init__(self, label, C, M, H, W, kernel, stride=1, dilation=1, groups=1, transposed=0):
        self.label = label
        self.text = ",".join(map(str, (C, M, H, W, kernel, stride, dilation, groups, transposed)))
        self.C, self.M, self.H, self.W = C, M, H, W
        self.kernel, self.stride, self.dilation = kernel, stride, dilation
        self.groups, self.transposed = groups, transposed
        self.pad = 0 if transposed else (kernel - 1) * dilation // 2

    def _length(self, size):
        if self.transposed:
            return (size - 1) * self.stride + self.kernel
        return (size + 2 * self.pad - (self.kernel - 1) * self.dilation - 1) // self.stride + 1

    def output_shape(self):
        return 1, self.M, self._length(self.H), self._length(self.W)

    def weights_shape(self):
        outer, inner = (self.C, self.M) if self.transposed else (self.M, self.C)
        return outer, inner // self.groups, self.kernel, self.kernel

    def macs(self):
        _, M, OH, OW = self.output_shape()
        places = self.H * self.W if self.transposed else OH * OW
        return places * self.C * M // self.groups * self.kernel ** 2

    def input_npy(self):
        shape = (1, self.C, self.H, self.W)
        return npy("<f4", shape, pattern(self.C * self.H * self.W, 0))

    def model(self):
        """The bytes of an ONNX file."""
        shape = self.weights_shape()
        count = shape[0] * shape[1] * shape[2] * shape[3]
        weights = b"".join(field(1, d) for d in shape) + field(2, 1) + field(8, "w") + \
            field(9, pattern(count, -0.5))
        attributes = {"kernel_shape": [self.kernel] * 2, "strides": [self.stride] * 2,
                      "dilations": [self.dilation] * 2, "pads": [self.pad] * 4}
        node = field(1, "x") + field(1, "w") + field(2, "y") + field(3, "layer") + \
            field(4, "ConvTranspose" if self.transposed else "Conv")
        for name, values in attributes.items():
            node += field(5, _integers_attribute(name, values))
        node += field(5, field(1, "group") + field(3, self.groups) + field(20, 2))
        graph = field(1, node) + field(2, "layer") + field(5, weights) + \
            field(11, _value_info("x", (1, self.C, self.H, self.W))) + \
            field(12, _value_info("y", self.output_shape()))
        return field(1, 8) + field(7, graph) + field(8, field(1, "") + field(2, 13))
