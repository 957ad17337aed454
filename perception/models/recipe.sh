#!/usr/bin/env bash
# The weights of this folder from nothing: the simulator draws its sets, teachers label real roads, the network
# is trained in three stages and put on 8 bit integers; the tracker learns from drives without pictures. Stopped, and called
# again, it goes on where it was.
#
#     perception/models/recipe.sh [WORK]      WORK: build/recipe, 3 GB; SHARED, BUILD as for make
set -euo pipefail
cd "$(dirname "$0")/../.."

outrider=${BUILD:-build}/outrider
shared=${SHARED:-../shared}
data=$shared/data
work=${1:-build/recipe}
here=perception/models
mkdir -p "$work"

# ---- simulator: NAME FRAMES SEED SCENARIO CUT FX HEIGHT PITCH X -------------------------------------------------
draw() {
    local set=$work/$1
    [ -e "$set.drawn" ] && return
    echo "{width: 640, height: 384, fx: $6, fy: $6, cx: 320, cy: 192, x_m: $9, z_m: $7, pitch_rad: $8}" > "$set.yaml"
    "$outrider" sim --write "$set" --frames "$2" --seed "$3" --scenario "$4" --cut "$5" --rate 0.7 --calibration "$set.yaml"
    touch "$set.drawn"
}
draw sim0 1600 1000 random 8 544 1.4 0 1.6
draw sim1 1600 6000 random 8 480 1.25 0.02 1.5
draw sim2 1600 11000 random 8 620 1.6 -0.02 1.8
draw sim3 1600 16000 random 8 700 1.3 0.03 1.7
draw sim4 1600 21000 random 8 560 1.5 0.01 1.7
draw town0 1200 31000 $here/town.yaml 8 544 1.4 0 1.6
draw town1 1200 36000 $here/town.yaml 8 560 1.5 0.01 1.7
# Never trained on; `make score` reads both. TORCS where it is installed (make torcs-deps).
draw simtest 400 90001 random 4 544 1.4 0 1.6
if command -v torcs /usr/games/torcs > /dev/null; then
    "$outrider" sim --torcs --write "$work/torcstest" --frames 160 --seed 90001 --rate 0.7 --cut 8
fi

# ---- teachers, whose licences allow it ---------------------------------------------------------------------------
teach() { # SET, options
    "$outrider" label --data "$data/$1/train" --out "$work/$1" "${@:2}"
}
yolox=$shared/models/yolox_nano/model.onnx
intel=$shared/models/vehicle-detection-adas-0002/model.onnx
twin=$shared/models/twinlitenet/model.onnx
vehicles=(--classes car,truck,bus)
teach road_area --teacher "$yolox" --teacher "$intel" "${vehicles[@]}"
teach lanes_udacity --teacher "$yolox" --teacher "$intel" --teacher "$twin" "${vehicles[@]}"
teach carla_det --teacher "$twin"

# ---- training: what is held out is scored in the README ----------------------------------------------------------
sets() { # share of each simulator set, of highways, CARLA, roads, the Udacity clip
    for i in sim0 sim1 sim2 sim3 sim4 town0 town1; do
        echo "--data $work/$i,weight=$1"
    done
    echo "--data $data/highway_objects/train,weight=$2"
    echo "--data $work/carla_det,without=Town02*,weight=$3"
    echo "--data $work/road_area,without-every=10/9,weight=$4"
    echo "--data $work/lanes_udacity,without=swr_0[12]*,weight=$5"
    echo "--held-out $work/simtest --held-out $work/carla_det,only=Town02*"
}
set -f # the patterns are for outrider
"$outrider" train $(sets 0.6 1.5 0.9 1.5 0.7) --out "$work/stage1.onnx" --size 416x256 --steps 9000 --rate 0.002 --warm-up 300
"$outrider" train $(sets 0.6 2.2 1.2 2.4 1) --out "$work/stage2.onnx" --from "$work/stage1.onnx" --size 512x320 \
    --steps 4400 --rate 0.0015 --warm-up 150
"$outrider" train $(sets 0.6 2.2 1.2 2.4 1) --out "$work/stage3.onnx" --from "$work/stage2.onnx" --size 640x384 \
    --batch 12 --steps 5000 --rate 0.0012 --warm-up 100
set +f

# ---- both forms of it --------------------------------------------------------------------------------------------
cp "$work/stage3.onnx" $here/outrider.onnx
"$outrider" nn quantise "$work/stage3.onnx" --calib "$data/highway_objects/train/images" \
    --calib "$data/carla_det/train/images" --calib "$work/sim0/images" -o $here/outrider-int8.onnx

# ---- the tracker: simulated drives without pictures, minutes on a core ---------------------------------------------
learn() { # NAME, options
    local resume=()
    [ -e "$work/$1.checkpoint" ] && resume=(--resume)
    "$outrider" train tracker --out "$work/$1.onnx" "${@:2}" "${resume[@]}"
    cp "$work/$1.onnx" "$work/$1-attention.onnx" $here/
}
learn tracker-lstm --steps 44000 --follow 500
learn tracker-rnn --kind rnn --steps 16000 --follow 1000 --seed 2
