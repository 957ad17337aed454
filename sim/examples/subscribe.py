"""Prints what outriderd sees: PYTHONPATH=build/python python3 sim/examples/subscribe.py [ENDPOINT]"""
import sys

import zmq
from proto import common_pb2, objects_pb2

socket = zmq.Context().socket(zmq.SUB)
socket.subscribe("objects/")
socket.connect(sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5702")

while True:
    topic, body = socket.recv_multipart()
    message = objects_pb2.Objects.FromString(body)
    header = message.header
    frame = f"frame {header.frame_id}" if header.HasField("frame_id") else "no frame"
    reasons = ",".join(common_pb2.Reason.Name(r) for r in header.reasons)
    state = common_pb2.Qualifier.Name(header.qualifier)
    print(topic.decode(), frame, state, reasons, flush=True)
    for o in message.objects:
        name = objects_pb2.ObjectClass.Name(o.classes[0].object_class) if o.classes else "?"
        place = f"{o.x_m:.1f} m ahead, {o.y_m:.1f} m left" if o.HasField("x_m") else "somewhere"
        print(f"  {o.id} {name} {place}", flush=True)
