#!/usr/bin/env bash
# `make demo`: a recorded drive plays into outriderd, its messages are printed, pictures are drawn.
# Uses sockets of its own, so that it disturbs no daemon that is already running.
set -euo pipefail

build=${BUILD:-build}
shared=${SHARED:-../shared}
frames=${FRAMES:-50}
config=sim/examples/udacity.yaml
drive=$shared/data/lanes_udacity/train
models=("$shared/models/vehicle-detection-adas-0002/model.onnx" "$shared/models/twinlitenet/model.onnx")
out=$build/demo

for need in "$drive" "${models[@]}"; do
    if [ ! -e "$need" ]; then
        echo "demo: no $need: it needs a drive and two networks, see README.md" >&2
        exit 1
    fi
done
rm -rf "$out"
mkdir -p "$out"
sockets=$(mktemp -d /tmp/outrider-demo.XXXXXX) # short: the path of a socket has room for 107 letters
in=ipc://$sockets/in
answers=ipc://$sockets/out
use=(-c "$config" --set "networks.0.model=$(realpath "${models[0]}")"
    --set "networks.1.model=$(realpath "${models[1]}")")

"$build/outriderd" "${use[@]}" --set mode=lockstep --set "bus.in.bind.0=$in" \
    --set "bus.out.bind.0=$answers" 2> "$out/outriderd.log" &
daemon=$!
"$build/outrider" echo objects lanes --connect "$answers" &
echo=$!
trap 'kill $daemon $echo 2> /dev/null; wait; rm -rf "$sockets"' EXIT

"$build/outrider" replay "$drive" --pattern 'swr_*' --rate 25 --count "$frames" --lockstep \
    --connect "$in" --answers "$answers"
sleep 0.2 # for the last lines of echo

"$build/outrider" run "${use[@]}" --input "$drive" --pattern 'swr_*' --rate 25 --count "$frames" \
    -o "$out/drive.jsonl" --overlay "$out/pictures"
echo "Messages: $out/drive.jsonl   Pictures: $out/pictures/   The daemon's log: $out/outriderd.log"
