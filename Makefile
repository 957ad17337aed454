# Outrider: `make` builds, `make test` tests, `make demo` shows a drive. See README.md.
# Everything that is made lies in build/ (build-address-undefined/ and so on with SAN=...).

CFLAGS  ?= -O2 -g
prefix  ?= /usr/local
SAN     ?=
FUZZ    ?=
comma   := ,
B       := build$(if $(SAN),-$(subst $(comma),-,$(SAN)))
SHARED  ?= ../shared
ISA_DIR := $(patsubst x86_64,x86,$(patsubst aarch64,arm,$(shell uname -m)))
VERSION := 0.1.0

# ---- what Debian gives us -------------------------------------------------------------------
PKGS := libzmq libprotobuf-c libpng libturbojpeg libcyaml yaml-0.1 jansson
DEBS := build-essential pkg-config protobuf-c-compiler protobuf-compiler libprotobuf-dev \
        libzmq3-dev libprotobuf-c-dev libpng-dev libturbojpeg0-dev libcyaml-dev libyaml-dev \
        libjansson-dev libonnx-dev libonnx-testdata libcriterion-dev python3 python3-zmq python3-protobuf
DEBS_CHECK := clang clang-tidy clang-format bear

no_deps := deps deps-check clean format help
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
deps-check: deps
	$(sudo) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(DEBS_CHECK)

# ---- rules -------------------------------------------------------------------------------------
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef \
        -Wno-missing-field-initializers
cppflags = -I. -I$B -D_GNU_SOURCE -DOUTRIDER_VERSION='"$(VERSION)"' \
           $(shell pkg-config --cflags $(PKGS)) $(CPPFLAGS)
cflags    = -std=c11 $(WARN) -ffp-contract=off -fno-omit-frame-pointer -pthread $(isa) \
            $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all) $(CFLAGS)
ldlibs    = $(shell pkg-config --libs $(PKGS)) -lm -pthread
ldflags   = $(if $(SAN),-fsanitize=$(SAN)) $(LDFLAGS)

objs = $(patsubst %.c,$B/%.o,$(wildcard $(1)))

SCHEMAS   := $(wildcard proto/*.proto)
PB_H      := $(SCHEMAS:%.proto=$B/%.pb-c.h) $B/onnx/onnx.pb-c.h
PB_OBJ    := $(SCHEMAS:%.proto=$B/%.pb-c.o)
PROTO_OBJ := $(call objs,proto/*.c proto/client/*.c) $(PB_OBJ)
PERC_OBJ  := $(call objs,perception/*.c perception/*/*.c perception/nn/ops/*.c \
                 perception/kernels/$(ISA_DIR)/*.c) $B/onnx/onnx.pb-c.o
SIM_OBJ   := $(call objs,sim/*.c)
DAEMON_OBJ := $(filter-out $B/daemon/main.o,$(call objs,daemon/*.c))
CLI_OBJ   := $(filter-out $B/daemon/cli/main.o,$(call objs,daemon/cli/*.c))
LIB       := $B/liboutrider-all.a
PROGRAMS  := $B/outriderd $B/outrider

TESTS     := $(patsubst %.c,$B/%,$(filter-out tests/e2e/harness.c,\
                 $(wildcard tests/unit/*.c tests/kernels/*.c tests/golden/*.c tests/e2e/*.c)))
TEST_HELP := $(call objs,tests/*.c tests/e2e/harness.c)
FUZZERS   := $(patsubst %.c,$B/%,$(wildcard tests/fuzz/fuzz_*.c))
BENCHES   := $(patsubst %.c,$B/%,$(wildcard tests/bench/*.c))

.DEFAULT_GOAL := all
all: $(PROGRAMS)

$(LIB): $(PROTO_OBJ) $(PERC_OBJ) $(SIM_OBJ) $(DAEMON_OBJ) $(CLI_OBJ)
	@rm -f $@
	$(AR) rcs $@ $^
$B/outriderd: $B/daemon/main.o $(LIB)
	$(CC) $(ldflags) -o $@ $^ $(ldlibs)
$B/outrider: $B/daemon/cli/main.o $(LIB)
	$(CC) $(ldflags) -o $@ $^ $(ldlibs)

$B/%.o: %.c Makefile | $(PB_H)
	@mkdir -p $(@D)
	$(CC) $(cppflags) $(cflags) -MMD -MP -c -o $@ $<
$B/%.pb-c.o: $B/%.pb-c.c
	$(CC) $(cppflags) $(filter-out -W%,$(cflags)) -MMD -MP -c -o $@ $<
$B/proto/%.pb-c.c $B/proto/%.pb-c.h &: proto/%.proto
	@mkdir -p $(@D)
	protoc-c --proto_path=. --c_out=$B $<
# The ONNX schema is Debian's, compiled here and not copied.
$B/onnx/onnx.pb-c.c $B/onnx/onnx.pb-c.h &: /usr/include/onnx/onnx.proto
	@mkdir -p $(@D)
	protoc-c --proto_path=/usr/include --c_out=$B onnx/onnx.proto

# Only files named after an instruction set get its flags.
$B/perception/kernels/x86/%_avx2.o: isa := -mavx2 -mfma -mf16c
$B/perception/kernels/x86/%_avx512.o: isa := -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma
$B/perception/kernels/x86/%_vnni.o: isa := -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vnni -mfma
# Plain loops vectorise better at -O3; the user's CFLAGS still come last.
$B/perception/kernels/%.o: isa += -O3
$B/perception/kernels/x86/%.o: isa += -O3

# ---- tests -------------------------------------------------------------------------------------
$B/tests/fuzz/%: $B/tests/fuzz/%.o $B/tests/fuzz/main.o $(LIB)
	$(CC) $(ldflags) -o $@ $^ $(ldlibs)
$B/tests/bench/%: $B/tests/bench/%.o $(LIB)
	$(CC) $(ldflags) -o $@ $^ $(ldlibs)
$(TESTS): $B/%: $B/%.o $(TEST_HELP) $(LIB)
	$(CC) $(ldflags) -o $@ $^ $(ldlibs) -lcriterion

-include $(shell find $B -name '*.d' 2> /dev/null)

.PHONY: all deps deps-check clean format help
clean:
	rm -rf build build-*
format:
	clang-format -i $$(git ls-files '*.c' '*.h')

# A test program runs in the top folder; NAME.ok remembers that it passed.
# OUTRIDER_BUILD tells end-to-end tests where the programs are.
$B/%.ok: $B/%
	@OUTRIDER_BUILD=$B OUTRIDER_SHARED=$(SHARED) $< --short-filename > $<.log 2>&1 \
	 && touch $@ && echo "ok   $*" || { cat $<.log; echo "FAIL $*"; exit 1; }
$(patsubst %,%.ok,$(filter $B/tests/e2e/%,$(TESTS))): $(PROGRAMS)
test: $(TESTS:=.ok)
.PHONY: test
