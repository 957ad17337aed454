# Outrider: `make` builds, `make test` tests, `make demo` shows a drive. See README.md.
# Everything that is made lies in build/ (build-address-undefined/ and so on with SAN=...).

CFLAGS  ?= -O2 -g
prefix  ?= /usr/local
SAN     ?=
comma   := ,
B       ?= build$(if $(SAN),-$(subst $(comma),-,$(SAN)))$(if $(MPI),-mpi)
SHARED  ?= $(or $(OUTRIDER_SHARED),../shared)
# All cores unless the caller says otherwise.
ifeq ($(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(shell nproc)
endif
ISA_DIR := $(patsubst x86_64,x86,$(patsubst aarch64,arm,$(shell uname -m)))
VERSION := 0.1.0

# ---- what Debian gives us -------------------------------------------------------------------
PKGS := libzmq libprotobuf-c libpng libturbojpeg libcyaml yaml-0.1 jansson epoxy egl
DEBS := build-essential pkg-config protobuf-c-compiler protobuf-compiler libprotobuf-dev \
        libzmq3-dev libprotobuf-c-dev libpng-dev libturbojpeg0-dev libcyaml-dev libyaml-dev \
        libjansson-dev libepoxy-dev libegl-dev libegl1 libegl-mesa0 libgl1-mesa-dri libonnx-dev \
        libonnx-testdata libcriterion-dev python3 python3-zmq python3-protobuf
# What `outrider sim --torcs` drives in.
DEBS_TORCS := torcs xvfb
DEBS_CHECK := libopenmpi-dev openmpi-bin clang clang-tidy clang-format bear gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user
# What `make bench` compares with; without them it says that it skips them.
DEBS_BENCH = python3-opencv python3-torch libopenblas0-pthread libdnnl-dev libxnnpack-dev \
        libpthreadpool-dev librsvg2-bin $(if $(shell command -v npm),,npm)
PEERS_DIR  := build/peers
ORT        := onnxruntime-node@1.30.0

no_deps := deps torcs-deps deps-check bench-deps clean format help
ifneq ($(filter-out $(no_deps),$(or $(MAKECMDGOALS),all)),)
# Remade when this list changes; make reads itself again afterwards, so a bare machine works.
include $B/deps.mk
endif

$B/deps.mk: Makefile
	@mkdir -p $B
	@if dpkg-query -W $(DEBS) > /dev/null 2>&1; then :; else $(MAKE) --no-print-directory deps; fi
	@echo '# $(DEBS)' > $@

sudo := $(if $(filter 0,$(shell id -u)),,sudo)
deps:
	$(sudo) apt-get update -qq
	$(sudo) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(DEBS)
bench-deps: deps
	$(sudo) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(DEBS_BENCH)
	npm install --ignore-scripts --no-audit --no-fund --prefix $(PEERS_DIR) $(ORT)
torcs-deps: deps
	$(sudo) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(DEBS_TORCS)
deps-check: deps
	$(sudo) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(DEBS_CHECK)

# ---- rules -------------------------------------------------------------------------------------
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef \
        -Wno-missing-field-initializers
cppflags = -I. -I$B -D_GNU_SOURCE -DOUTRIDER_VERSION='"$(VERSION)"' \
           $(pkg_cflags) $(CPPFLAGS)
cflags    = -std=c11 $(WARN) -ffp-contract=off -fno-omit-frame-pointer -pthread $(isa) $(loops) \
            $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all) $(CFLAGS)
# As needed: the daemon draws nothing and loads no OpenGL.
ldlibs    = -Wl,--as-needed $(pkg_libs) -lm -pthread
ldflags   = $(if $(SAN),-fsanitize=$(SAN)) $(LDFLAGS)

# Asked once, when first needed: on a bare machine pkg-config comes with the packages.
pkg_cflags = $(eval pkg_cflags := $(shell pkg-config --cflags $(PKGS)))$(pkg_cflags)
pkg_libs   = $(eval pkg_libs := $(shell pkg-config --libs $(PKGS)))$(pkg_libs)

# `make V=1` shows whole commands.
Q   := $(if $(V),,@)
say  = $(if $(V),,@printf '  %-4s %s\n' $(1) $(2))

objs = $(patsubst %.c,$B/%.o,$(wildcard $(1)))

SCHEMAS   := $(wildcard proto/*.proto)
PB_H      := $(SCHEMAS:%.proto=$B/%.pb-c.h) $B/onnx/onnx.pb-c.h
PB_OBJ    := $(SCHEMAS:%.proto=$B/%.pb-c.o)
PB_PY     := $(SCHEMAS:%.proto=$B/python/%_pb2.py)
PROTO_OBJ := $(filter-out %/example.o,$(call objs,proto/*.c proto/client/*.c)) $(PB_OBJ)
PERC_OBJ  := $(call objs,perception/*.c perception/*/*.c perception/nn/*/*.c \
                 perception/kernels/$(ISA_DIR)/*.c) $B/onnx/onnx.pb-c.o
# What TORCS loads into itself: not in our library.
TORCS_PLUGIN := $B/sim/torcs/plugin.o $B/sim/torcs/robots.o
SIM_OBJ   := $(filter-out $(TORCS_PLUGIN),$(call objs,sim/*.c sim/world/*.c sim/render/*.c sim/torcs/*.c)) $B/sim/scenarios.o
SCENARIOS := $(wildcard sim/scenarios/*.yaml)
DAEMON_OBJ := $(filter-out $B/daemon/main.o,$(call objs,daemon/*.c))
CLI_OBJ   := $(filter-out $B/daemon/cli/main.o,$(call objs,daemon/cli/*.c))
LIB       := $B/liboutrider-all.a
PROGRAMS  := $B/outriderd $B/outrider $B/outrider-torcs.so

TESTS     := $(patsubst %.c,$B/%,$(filter-out tests/e2e/harness.c,\
                 $(wildcard tests/unit/*.c tests/kernels/*.c tests/golden/*.c tests/e2e/*.c)))
TEST_HELP := $(filter-out $B/tests/limited_net.o,$(call objs,tests/*.c tests/e2e/harness.c))
FUZZERS   := $(patsubst %.c,$B/%,$(wildcard tests/fuzz/fuzz_*.c))
# What drives other engines; those that need headers, where they are installed.
PEERS     := $B/tests/bench/peers/ort $(if $(wildcard /usr/include/oneapi/dnnl/dnnl.h),$B/tests/bench/peers/onednn) \
             $(if $(wildcard /usr/include/xnnpack.h),$B/tests/bench/peers/xnnpack)
BENCHES   := $(patsubst %.c,$B/%,$(wildcard tests/bench/*.c))

# What a planner links, and the example that proves that it needs no more.
CLIENT    := $B/liboutrider-client.a
CLIENT_OBJ := $(PROTO_OBJ) $B/perception/scene.o $B/perception/base/arena.o $B/perception/base/err.o

.DEFAULT_GOAL := all
all: $(PROGRAMS) $(CLIENT) $B/proto/client/example $(PB_PY)

$(CLIENT): $(CLIENT_OBJ)
	@rm -f $@
	$(call say,ar,$@)
	$(Q)$(AR) rcs $@ $^
$B/proto/client/example: $B/proto/client/example.o $(CLIENT)
	$(call say,link,$@)
	$(Q)$(CC) $(ldflags) -o $@ $^ $(shell pkg-config --libs libzmq libprotobuf-c) -lm

$(LIB): $(PROTO_OBJ) $(PERC_OBJ) $(SIM_OBJ) $(DAEMON_OBJ) $(CLI_OBJ)
	@rm -f $@
	$(call say,ar,$@)
	$(Q)$(AR) rcs $@ $^
$B/outriderd: $B/daemon/main.o $(LIB)
	$(call say,link,$@)
	$(Q)$(CC) $(ldflags) -o $@ $^ $(ldlibs)
$B/outrider: $B/daemon/cli/main.o $(LIB)
	$(call say,link,$@)
	$(Q)$(CC) $(ldflags) -o $@ $^ $(ldlibs)

$(TORCS_PLUGIN): loops := -fPIC -fno-sanitize=all
$B/outrider-torcs.so: $(TORCS_PLUGIN)
	$(call say,link,$@)
	$(Q)$(CC) -shared -o $@ $^ -ldl -lm

$B/%.o: %.c Makefile | $(PB_H)
	@mkdir -p $(@D)
	$(call say,cc,$<)
	$(Q)$(CC) $(cppflags) $(cflags) -MMD -MP -c -o $@ $<
$B/%.pb-c.o: $B/%.pb-c.c
	$(call say,cc,$<)
	$(Q)$(CC) $(cppflags) $(filter-out -W%,$(cflags)) -MMD -MP -c -o $@ $<
$B/proto/%.pb-c.c $B/proto/%.pb-c.h &: proto/%.proto
	@mkdir -p $(@D)
	$(call say,gen,$@)
	$(Q)protoc-c --proto_path=. --c_out=$B $<
$B/python/%_pb2.py: %.proto
	@mkdir -p $(@D)
	$(call say,gen,$@)
	$(Q)protoc --proto_path=. --python_out=$B/python $<
# The ONNX schema is Debian's, compiled here and not copied.
$B/onnx/onnx.pb-c.c $B/onnx/onnx.pb-c.h &: /usr/include/onnx/onnx.proto
	@mkdir -p $(@D)
	$(call say,gen,$@)
	$(Q)protoc-c --proto_path=/usr/include --c_out=$B onnx/onnx.proto

# The built-in scenarios as one table of strings.
$B/sim/scenarios.c: $(SCENARIOS) Makefile
	@mkdir -p $(@D)
	$(call say,gen,$@)
	$(Q){ echo '#include "sim/world/plan.h"'; echo 'const struct scenario_file scenario_files[] = {'; \
	  for f in $(SCENARIOS); do echo "{\"$$(basename $$f .yaml)\","; \
	    sed -e 's/\\/&&/g' -e 's/"/\\"/g' -e 's/.*/"&\\n"/' $$f; echo '},'; done; \
	  echo '{0, 0}};'; } > $@
$B/sim/scenarios.o: $B/sim/scenarios.c
	$(call say,cc,$<)
	$(Q)$(CC) $(cppflags) $(cflags) -MMD -MP -c -o $@ $<

# The tracker's weights become part of the program.
$B/perception/track/weights.o: $(wildcard perception/models/tracker-*.onnx perception/models/lanes-*.onnx)

# Only files named after an instruction set get its flags.
%_avx2.o %_avx2.tidy: isa := -mavx2 -mfma -mf16c
%_avx512.o %_avx512.tidy: isa := -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma
%_vnni.o %_vnni.tidy: isa := -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vnni -mfma
# `make MPI=1`: training over several processes (libopenmpi-dev), in a build folder of its own.
ifdef MPI
PKGS += ompi-c
$B/perception/train/ranks.o: CPPFLAGS += -DOUTRIDER_MPI
endif
# Plain loops become vectors at any -O the user chose; nobody reads the exception flags of the FPU.
$B/perception/kernels/%.o $B/perception/image/%.o: loops := -ftree-vectorize -fno-math-errno -fno-trapping-math \
    $(if $(findstring clang,$(CC)),,-fvect-cost-model=dynamic -funswitch-loops)

# ---- tests -------------------------------------------------------------------------------------
# A test program runs in the top folder; NAME.ok remembers that it passed. End-to-end tests find the
# programs through OUTRIDER_BUILD, all tests the data through OUTRIDER_SHARED.
$(TESTS): $B/%: $B/%.o $(TEST_HELP) $(LIB)
	$(call say,link,$@)
	$(Q)$(CC) $(ldflags) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(ldlibs) -lcriterion
# Not for all: some tests stand in for the networks that it opens.
$B/tests/unit/test_nn_hostile $B/tests/unit/test_nn_hostile_operators: $B/tests/limited_net.o
# Counts our allocations: those of the objects linked here, not of the libraries.
$B/tests/unit/test_noalloc $B/tests/unit/test_sim_render: ldflags += \
  $(foreach f,malloc calloc realloc aligned_alloc,-Wl$(comma)--wrap=$(f))
$B/tests/mpi/%: $B/tests/mpi/%.o $(LIB)
	$(call say,link,$@)
	$(Q)$(CC) $(ldflags) -o $@ $^ $(ldlibs)
$B/tests/bench/%: $B/tests/bench/%.o $(LIB)
	$(call say,link,$@)
	$(Q)$(CC) $(ldflags) -o $@ $^ $(ldlibs)
$B/tests/bench/peers/ort: ldlibs = -ldl -lm
$B/tests/bench/peers/onednn: ldlibs = -ldnnl -lm
$B/tests/bench/peers/xnnpack: ldlibs = -lXNNPACK -lpthreadpool -lm
$B/tests/fuzz/%: $B/tests/fuzz/%.o $B/tests/fuzz/main.o $(LIB)
	$(call say,link,$@)
	$(Q)$(CC) $(ldflags) -o $@ $^ $(ldlibs)

UNIT_OK := $(patsubst %,%.ok,$(filter-out $B/tests/e2e/%,$(TESTS)))
E2E_OK  := $(patsubst %,%.ok,$(filter $B/tests/e2e/%,$(TESTS)))
FUZZ_OK := $(FUZZERS:=.ok)
test_env := OUTRIDER_BUILD=$B OUTRIDER_SHARED=$(SHARED) $(san_env)
san_env  := TSAN_OPTIONS=suppressions=$(CURDIR)/tests/tsan.supp:halt_on_error=1 UBSAN_OPTIONS=print_stacktrace=1

# $(call run,command): its output goes to a log, of which only what went wrong or was left out is shown.
run = @rm -f $@; if $(test_env) $(1) > $<.log 2>&1; \
  then touch $@; echo "ok   $<"; grep -a '^\[SKIP\]' $<.log || true; \
  else grep -av '^\[\(RUN \|PASS\)' $<.log; echo "FAIL $<"; exit 1; fi
criterion := --short-filename --verbose -j1

$(UNIT_OK): %.ok: %
	$(call run,timeout 280 $< $(criterion))
# One at a time: they start daemons and watch what those do in time.
$(E2E_OK): %.ok: % $(PROGRAMS) $B/proto/client/example $(PB_PY) | $(UNIT_OK)
	$(call run,flock $B/e2e.lock timeout 280 $< $(criterion))
$(FUZZ_OK): $B/tests/fuzz/fuzz_%.ok: $B/tests/fuzz/fuzz_% $(wildcard tests/fuzz/corpus/*/*)
	$(call run,timeout 120 $< tests/fuzz/corpus/$*)

# The closing line adds up what Criterion counted in every program (its "Failing" has the crashes
# too); a fuzz corpus, or a program that did not get as far as counting, is one.
test:
	@$(MAKE) --no-print-directory -k run-tests; status=$$?; \
	for t in $(TESTS) $(FUZZERS); do \
	  if grep -aqs 'Synthesis:' $$t.log; then cat $$t.log; \
	  elif [ -f $$t.ok ]; then echo 'Synthesis: 1 1 0'; else echo 'Synthesis: 1 0 1'; fi; done \
	| awk '/Synthesis:/ { gsub("[^0-9]+", " "); passed += $$2; failed += $$3 } \
	       /^\[SKIP\]/ { skipped++ } \
	       END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped }'; \
	exit $$status
run-tests: $(UNIT_OK) $(FUZZ_OK) $(E2E_OK)

# ONNX's own tests, as Debian packs them. Fails if one does; writes the README's table anew.
ONNX_DATA := /usr/share/libonnx-testdata/data
ONNX_SETS := node simple pytorch-converted pytorch-operator real
conformance: $B/outrider
	@$B/outrider nn check --table $(ONNX_SETS:%=$(ONNX_DATA)/%) > $B/conformance.md \
	  || { cat $B/conformance.md; exit 1; }
	@sed -i -e '/^<!-- conformance -->$$/,/^<!-- end -->$$/ { /^<!--/!d }' \
	  -e '/^<!-- conformance -->$$/r $B/conformance.md' README.md
	@cat $B/conformance.md

# Everything heavier: style, static analysis, the tests under each sanitizer, the kernels on ARM.
check: | deps-check
	! git grep -nE 'getenv|fprintf\(stderr' -- perception # it knows no environment and no log
	clang-format --dry-run -Werror $$(git ls-files '*.c' '*.h')
	$(MAKE) --no-print-directory tidy
	$(MAKE) --no-print-directory test
	$(MAKE) --no-print-directory conformance
	$(MAKE) --no-print-directory SAN=address,undefined test
	$(MAKE) --no-print-directory test-thread
	$(MAKE) --no-print-directory test-mpi
	$(MAKE) --no-print-directory test-arm

# Criterion itself does not start under the thread sanitizer: its plain end-to-end tests drive
# programs that were built with it. A race ends the program, and so fails the test.
test-thread: $(filter $B/tests/e2e/%,$(TESTS))
	$(MAKE) --no-print-directory SAN=thread all
	@for t in $^; do \
	  OUTRIDER_BUILD=build-thread OUTRIDER_SHARED=$(SHARED) $(san_env) \
	    timeout 900 $$t --short-filename -j1 > $$t.thread.log 2>&1 \
	    && echo "ok   $$t (thread)" || { cat $$t.thread.log; echo "FAIL $$t (thread)"; exit 1; }; done

# The losses of one process and of two with half of the batch each.
test-mpi:
	@command -v mpirun > /dev/null || { echo "[SKIP] test-mpi: no mpirun here (libopenmpi-dev openmpi-bin)"; exit 0; }; \
	$(MAKE) --no-print-directory MPI=1 run-mpi
run-mpi: $B/tests/mpi/curve
	@for n in 1 2; do OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 timeout 120 \
	  mpirun -q --oversubscribe -n $$n $< > $<.$$n || exit 1; done
	@paste $<.1 $<.2 | awk '{ d = ($$2 - $$5) / $$2; if (d < 0) d = -d; if (d > 1e-3 || $$1 != $$4) bad = 1; n++ } \
	  END { if (bad || n != 10) { print "FAIL two ranks have another curve"; exit 1 } print "ok   two ranks have the curve of one" }'

# The kernels as an ARM machine runs them: cross-compiled and emulated, each level there is (NEON)
# against the same references. Criterion has no cross package: tests/plain/ stands in for it.
ARM_CC  := aarch64-linux-gnu-gcc
ARM_RUN := qemu-aarch64
test-arm:
	@for tool in $(ARM_CC) $(ARM_RUN); do command -v $$tool > /dev/null \
	  || { echo "[SKIP] test-arm: no $$tool here (make deps-check)"; exit 0; }; done; \
	$(MAKE) --no-print-directory B=build-arm CC=$(ARM_CC) ISA_DIR=arm run-arm
PLAIN := $(patsubst tests/kernels/%.c,$B/plain/%,$(wildcard tests/kernels/*.c))
$(PLAIN): cppflags += -Itests/plain
$(PLAIN): $B/plain/%: tests/kernels/%.c tests/plain/main.c $(wildcard tests/kernels/*.h tests/plain/*/*.h) \
    $(call objs,perception/base/*.c perception/kernels/*.c perception/kernels/$(ISA_DIR)/*.c)
	@mkdir -p $(@D)
	$(call say,link,$@)
	$(Q)$(CC) $(cppflags) $(cflags) $(ldflags) -static -o $@ $(filter %.c %.o,$^) -lm
$(PLAIN:=.ok): %.ok: %
	$(call run,timeout 280 $(ARM_RUN) $<)
run-arm: $(PLAIN:=.ok)

# Object by object, so that a file is looked at again only when it or a header of it has changed.
TIDY := $(patsubst %.c,$B/%.tidy,$(wildcard $(foreach d,daemon perception proto sim,$d/*.c $d/*/*.c) \
          perception/nn/*/*.c perception/kernels/$(ISA_DIR)/*.c))
tidy: $(TIDY)
$(TIDY): $B/%.tidy: $B/%.o .clang-tidy
	@clang-tidy --quiet $*.c -- -std=c11 $(isa) $(cppflags) > $@.log 2>&1 \
	  && touch $@ && echo "tidy $*.c" || { cat $@.log; echo "FAIL tidy $*.c"; exit 1; }

# libFuzzer builds; run one with: build-fuzz/fuzz_frame -max_total_time=60 tests/fuzz/corpus/frame
fuzzers:
	$(MAKE) --no-print-directory CC=clang B=build-fuzz-obj SAN=fuzzer-no-link,address build-fuzz
build-fuzz: $(LIB)
	@mkdir -p build-fuzz
	for f in tests/fuzz/fuzz_*.c; do \
	  $(CC) $(cppflags) -std=c11 -g -O1 -fsanitize=fuzzer,address -o build-fuzz/$$(basename $$f .c) \
	    $$f $(LIB) $(ldlibs) || exit 1; done

bench: $(BENCHES) $(PROGRAMS) $(PEERS)
	@$(compare)
	@for b in $(BENCHES); do OUTRIDER_SHARED=$(SHARED) $$b || exit 1; done
# Networks and layers, ours and other engines' in turns; results in $B/bench/. Fewer runs with
# BENCH_RUNS=20, some only with BENCH_MODELS="lstr layers". bench-publish puts them into the README.
compare = BENCH_RUNS='$(BENCH_RUNS)' BENCH_MODELS='$(BENCH_MODELS)' BENCH_PEERS=$(PEERS_DIR) \
          OUTRIDER_BUILD=$B OUTRIDER_SHARED=$(SHARED) /usr/bin/python3 -B tests/bench/compare.py
bench-engine: $(PROGRAMS) $(PEERS)
	@$(compare)
bench-publish:
	@$(compare) --publish
# Our network's scores beside other people's, on pictures that it was never trained on.
scores = OUTRIDER_BUILD=$B OUTRIDER_SHARED=$(SHARED) /usr/bin/python3 -B tests/bench/scores.py
score: $(PROGRAMS)
	@$(scores)
score-publish: $(PROGRAMS)
	@$(scores) --publish
# Training steps beside PyTorch's, in turns.
bench-train: $B/tests/bench/bench_train
	@OUTRIDER_BUILD=$B /usr/bin/python3 -B tests/bench/train_compare.py

# The networks of $(SHARED)/models on 8 bit integers, calibrated on training pictures.
int8_calib := carla_det/train highway_objects/train camvid/train
int8_nets  := fastestdet yolox_nano vehicle-detection-adas-0002 lstr twinlitenet
int8: $(int8_nets:%=$B/int8/%.onnx)
$B/int8/lstr.onnx $B/int8/twinlitenet.onnx: int8_calib := lanes_udacity/train road_area/train
$B/int8/%.onnx: $(SHARED)/models/%/model.onnx $B/outrider
	@mkdir -p $(@D)
	$B/outrider nn quantise $< $(int8_calib:%=--calib $(SHARED)/data/%) -o $@

# Every fault of the simulator against a daemon with real networks, live (some minutes); writes the
# README's table anew where that has its place.
sim-faults: $(PROGRAMS)
	@BUILD=$B SHARED=$(SHARED) /usr/bin/python3 -B sim/faults.py $(SCENARIO)
	@sed -i -e '/^<!-- faults -->$$/,/^<!-- end faults -->$$/ { /^<!--/!d }' \
	  -e '/^<!-- faults -->$$/r $B/sim-faults.md' README.md

# Every scenario from above, what our network makes of it against the truth: $B/plots/NAME.png, and all on one page.
PLOTS := $(SCENARIOS:sim/scenarios/%.yaml=$B/plots/%.png)
plots: $B/plots/all.jpg
$B/plots/%.jsonl: $B/outrider sim/examples/sim.yaml perception/models/outrider-int8.onnx
	@mkdir -p $(@D)
	@rm -rf $B/plots/$*
	$B/outrider sim --write $B/plots/$* --scenario $* --rate 10 --frames 120
	$B/outrider run -c sim/examples/sim.yaml --input $B/plots/$* -o $@
$B/plots/%.png: $B/plots/%.jsonl
	$B/outrider plot --truth $B/plots/$* --run $< -o $@
$B/plots/all.jpg: $(PLOTS)
	$B/outrider plot $(foreach p,$(PLOTS:.png=),--truth $p --run $p.jsonl) --columns 3 --width 480 --every 1 --quality 70 -o $@

demo: $(PROGRAMS)
	@BUILD=$B SHARED=$(SHARED) bash sim/demo.sh

# ---- the rest ----------------------------------------------------------------------------------
bindir     = $(DESTDIR)$(prefix)/bin
includedir = $(DESTDIR)$(prefix)/include/outrider
libdir     = $(DESTDIR)$(prefix)/lib
CLIENT_H  := proto/client/outrider_client.h proto/wire.h proto/message.h perception/scene.h \
             perception/geometry/camera.h perception/base/err.h
datadir    = $(DESTDIR)$(prefix)/share/outrider
install: all
	install -D -m 755 -t $(bindir) $(filter-out %.so,$(PROGRAMS))
	install -D -m 644 -t $(libdir)/outrider $B/outrider-torcs.so
	install -D -m 644 -t $(libdir) $(CLIENT)
	for h in $(CLIENT_H); do install -D -m 644 $$h $(includedir)/$$h || exit 1; done
	install -D -m 644 -t $(datadir)/proto $(SCHEMAS) proto/README.md
	install -D -m 644 -t $(datadir) README.md LICENSE daemon/outriderd.yaml
	install -D -m 644 -t $(datadir)/examples proto/client/example.c $(wildcard sim/examples/*)

compdb:
	bear -- $(MAKE) B=build-compdb all
format:
	clang-format -i $$(git ls-files '*.c' '*.h')
clean:
	rm -rf build build-* compile_commands.json

-include $(shell find $B -name '*.d' 2> /dev/null)
.PHONY: all test run-tests test-mpi run-mpi test-thread test-arm run-arm conformance check tidy fuzzers build-fuzz bench bench-deps bench-engine bench-publish bench-train score score-publish int8 sim-faults plots demo install compdb format clean deps torcs-deps deps-check
.SECONDARY:
