"""Sends a folder of JPEG files to outriderd, ten a second. A simulator does the same with each
picture it draws:   PYTHONPATH=build/python python3 sim/examples/publish.py FOLDER [ENDPOINT]"""
import pathlib
import sys
import time

import zmq
from proto import common_pb2, frame_pb2

socket = zmq.Context().socket(zmq.XPUB)
socket.connect(sys.argv[2] if len(sys.argv) > 2 else "tcp://127.0.0.1:5701")
socket.recv()  # the daemon's subscription: from now on nothing is lost

for number, path in enumerate(sorted(pathlib.Path(sys.argv[1]).glob("*.jpg"))):
    header = frame_pb2.FrameHeader(
        schema_major=1,
        frame_id=number,
        t_sof_ns=time.monotonic_ns(),
        clock_id=common_pb2.CLOCK_MONOTONIC,
        encoding=frame_pb2.JPEG,
    )
    socket.send_multipart([b"frame/front", header.SerializeToString(), path.read_bytes()])
    time.sleep(0.1)
