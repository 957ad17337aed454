"""OpenCV's DNN module:  opencv.py MODEL THREADS INPUT.npy...

Loading only reads the file; OpenCV prepares its layers in the first run."""
import sys

import cv2
import numpy

from serve import serve

model, threads, *inputs = sys.argv[1:]
arrays = [numpy.load(path) for path in inputs]
state = {}


def load():
    net = cv2.dnn.readNetFromONNX(model)
    net.setPreferableBackend(cv2.dnn.DNN_BACKEND_OPENCV)
    net.setPreferableTarget(cv2.dnn.DNN_TARGET_CPU)
    if len(arrays) == 1:
        net.setInput(arrays[0])
    else:
        raise ValueError("this peer feeds one input only")
    state["net"], state["names"] = net, net.getUnconnectedOutLayersNames()


def run():
    state["outputs"] = state["net"].forward(state["names"])


cv2.setNumThreads(int(threads))
serve(load, run, lambda: state["outputs"])
