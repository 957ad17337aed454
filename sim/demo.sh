#!/usr/bin/env bash
# `make demo`: a drive goes into outriderd, its messages are printed, pictures are drawn. The drive is the
# simulator's (SCENARIO, SEED), with what the daemon gets right beside the truth, or a recorded one (DRIVE: a
# folder of pictures, RATE). Uses sockets of its own, so that it disturbs no daemon that is already running.
set -euo pipefail

build=${BUILD:-build}
frames=${FRAMES:-60}
drive=${DRIVE:-}
scenario=${SCENARIO:-cut_in}
seed=${SEED:-7}
out=$build/demo
config=sim/examples/sim.yaml

rm -rf "$out"
mkdir -p "$out"
sockets=$(mktemp -d /tmp/outrider-demo.XXXXXX) # short: the path of a socket has room for 107 letters
in=ipc://$sockets/in
answers=ipc://$sockets/out
world=(--scenario "$scenario" --seed "$seed" --rate 10 --frames "$frames")

"$build/outriderd" -c "$config" --set mode=lockstep --set "bus.in.bind.0=$in" --set "bus.out.bind.0=$answers" \
    2> "$out/outriderd.log" &
daemon=$!
"$build/outrider" echo objects lanes --connect "$answers" &
echo=$!
trap 'kill $daemon $echo 2> /dev/null; wait; rm -rf "$sockets"' EXIT

if [ -n "$drive" ]; then
    "$build/outrider" replay "$drive" --rate "${RATE:-25}" --count "$frames" --lockstep --connect "$in" --answers "$answers"
else
    "$build/outrider" sim "${world[@]}" --lockstep --score --connect "$in" --answers "$answers" --truth none \
        | tee "$out/score.txt"
    drive=$out/drive
    "$build/outrider" sim "${world[@]}" --write "$drive" > /dev/null
fi
sleep 0.2 # for the last lines of echo

"$build/outrider" run -c "$config" --input "$drive" --rate "${RATE:-10}" --count "$frames" -o "$out/drive.jsonl" \
    --overlay "$out/pictures"
echo "Messages: $out/drive.jsonl   Pictures: $out/pictures/   The daemon's log: $out/outriderd.log"
