# SPDX-License-Identifier: GPL-2.0
#
# The door for people; the work is done in user/Makefile, kmod/Kbuild,
# selftests/Makefile and the scripts under selftests/. Everything that is made
# lies under $(O), so the source tree stays as it was cloned.

ifeq ($(V),1)
Q :=
else
Q := @
MAKEFLAGS += --no-print-directory
endif

# An O= on the command line is meant for this file only: each part gets a
# folder of its own below it.
MAKEOVERRIDES := $(filter-out O=%,$(MAKEOVERRIDES))
override O := $(abspath $(or $(O),.build))
KDIR ?= /lib/modules/$(shell uname -r)/build
PREFIX ?= /usr/local
# The kernels that demo, check and lint use.
KERNEL ?= 6.1 6.12

TOP := $(CURDIR)
# What uname -r says there; Debian's "make kernelrelease" says something else.
krelease = $(shell sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' \
	'$(KDIR)/include/generated/utsrelease.h' 2>/dev/null)
KSTAGE = $(O)/kmod-$(krelease)
msg = @printf '  %-7s %s\n'

export V O PREFIX DESTDIR KERNEL ACCEL HOST SILENCE STEPS SEED ONLY REPS PUBLISH FLAVOUR SLOWNESS \
	TARGET KEEP FUZZ_SECONDS SOAK_SECONDS ROUNDS RATE SHARE TESTS
# For check alone; in the environment, and for modules, it is the kernel's own variable.
machine = $(and $(filter check,$@),$(filter command,$(origin ARCH)),$(ARCH))
# SECONDS is the shell's own.
FUZZ_SECONDS = $(or $(SECONDS),60)
SOAK_SECONDS = $(or $(SECONDS),600)

.PHONY: all help modules lib demo check check-debug conformance soak bench coverage fuzz lint abi \
	model nest vm-shell install \
	modules_install clean FORCE

all: lib
	$(Q)if [ -e '$(KDIR)/Makefile' ]; then \
		$(MAKE) modules; \
	else \
		echo '  SKIP    modules: no kernel headers at $(KDIR)'; \
		echo '          (set KDIR=, or let "make demo" fetch kernels of its own)'; \
	fi

help:
	@echo 'Building (into .build/, or O=):'
	@echo '  all              lib, and modules where headers of the running kernel exist'
	@echo '  lib              libperfring and the command perfring'
	@echo '  modules          perfring.ko for KDIR= (default: the running kernel)'
	@echo '  install          library, headers, command, man pages, udev rule (DESTDIR=, PREFIX=)'
	@echo '  modules_install  perfring.ko for KDIR= (DESTDIR=)'
	@echo '  clean            remove everything that was built'
	@echo 'Running (these install and download what is missing):'
	@echo '  demo             build, boot each kernel in a virtual machine, show both rings'
	@echo '  check            all tests: native, under sanitizers, on each kernel'
	@echo '  check ARCH=i386  all tests on another machine, emulated: i386, arm64, arm64-16k (pages'
	@echo '                   of 16 KiB), s390x; takes a quarter of an hour to an hour'
	@echo '  check-debug      all tests on PREEMPT_RT, those of the module on KASAN and KCSAN, KUnit;'
	@echo '                   builds two kernels, takes hours'
	@echo '  conformance      the device against real perf, row by row, with a table'
	@echo '  nest             a write interrupted at every instruction, on each kernel'
	@echo '  model            all interleavings of a model of the ring, by spin'
	@echo '  soak             STEPS= random steps and calls, SECONDS= of races and of load, on the device;'
	@echo '                   builds a KASAN kernel'
	@echo '  bench            what the library costs, beside its peers, with a table and plots'
	@echo '  coverage         lines and branches of the library that the tests run (COVERAGE.md)'
	@echo '  fuzz             SECONDS= of libFuzzer on each door of the library (TARGET= on one, SEED=)'
	@echo '  lint             checkpatch, sparse, W=1, compilers, clang-tidy, cppcheck, ...'
	@echo '  abi              the library of now against that of the last tag (abidiff)'
	@echo '  vm-shell         a shell in the virtual machine, the module built for it'
	@echo 'Variables:'
	@echo '  V=1              show the commands'
	@echo '  O=DIR            where to build (default .build)'
	@echo '  KDIR=DIR         kernel build folder to build modules against'
	@echo '  KERNEL=6.1       use only this kernel (default: 6.1 and 6.12)'
	@echo '  ACCEL=kvm|tcg    how the virtual machine runs (default: kvm where the'
	@echo '                   processor has it, else tcg)'
	@echo '  FLAVOUR=kasan    only this of check-debug: rt, kasan, kcsan or kunit; SLOWNESS=N times'
	@echo '                   longer than usual is what its tests may take'
	@echo '  TESTS=a_test     only these of soak'
	@echo '  ROWS=PATTERN     only these of conformance, as "mmap*"'
	@echo '  HOST=1           demo, check and conformance on the running kernel, as root, without a'
	@echo '                   virtual machine'
	@echo '  STEPS=N SEED=N   how long soak runs (default 1000000), and which steps; SECONDS= (600),'
	@echo '                   RATE= records a second of each writer (1000), SHARE= per cent of them to be'
	@echo '                   read or told as lost (90), ROUNDS= of loading (200); SEED= for fuzz as well'
	@echo '                   (default: the time)'
	@echo '  ONLY=PATTERN     only these cases of bench, as "read*"; REPS=N repetitions of each;'
	@echo '                   PUBLISH=1 keeps table and plots in user/bench,'
	@echo '                   that of coverage in selftests/COVERAGE.md'
	@echo '  KEEP=1           fuzz keeps what it found new, the smallest set, in selftests/fuzz/corpus'
	@echo '  SILENCE=SECONDS  end a guest that prints nothing for so long (default 30)'

lib:
	$(Q)$(MAKE) -C user O='$(O)/user' SAN= all

# Kbuild writes its objects beside the sources it is given. It is given a
# folder of links, one folder for each kernel, so that several kernels can be
# built side by side. Links whose source is gone are swept.
modules: FORCE
	$(Q)if [ ! -e '$(KDIR)/Makefile' ] || [ -z '$(krelease)' ]; then \
		echo "No kernel headers at $(KDIR)." >&2; \
		echo "Install them (Debian: linux-headers-$$(uname -r)) or set KDIR=." >&2; \
		exit 1; \
	fi
	$(Q)mkdir -p '$(KSTAGE)'
	$(Q)find '$(KSTAGE)' -xtype l -delete
	$(Q)cp -rsf '$(TOP)/Kbuild' '$(TOP)/kmod' '$(KSTAGE)/'
	$(Q)$(MAKE) -C '$(KDIR)' M='$(KSTAGE)' $(if $(Q),,V=1) modules
	$(Q)mkdir -p '$(KSTAGE)/client'
	$(Q)cp -rsf '$(TOP)'/selftests/client/* '$(KSTAGE)/client/'
	$(Q)$(MAKE) -C '$(KDIR)' M='$(KSTAGE)/client' $(if $(Q),,V=1) \
		KBUILD_EXTRA_SYMBOLS='$(KSTAGE)/Module.symvers' modules

modules_install: modules
	$(Q)$(MAKE) -C '$(KDIR)' M='$(KSTAGE)' INSTALL_MOD_PATH='$(DESTDIR)' \
		CONFIG_MODULE_SIG_ALL= modules_install

install: lib
	$(Q)$(MAKE) -C user O='$(O)/user' SAN= install

demo check conformance soak bench coverage fuzz lint abi model nest:
	$(Q)$(if $(machine),env -u ARCH -u MAKEFLAGS -u MAKEOVERRIDES selftests/arch.sh '$(machine)',selftests/$@.sh)

# It has kernels of its own: the default of the others would leave none of them.
check-debug:
	$(Q)KERNEL='$(if $(filter file,$(origin KERNEL)),,$(KERNEL))' selftests/check_debug.sh

vm-shell:
	$(Q)selftests/demo.sh --shell

# A folder that was given with O= may hold other things: take only ours.
clean:
	$(msg) CLEAN '$(O)'
	$(Q)rm -rf '$(O)'/user '$(O)'/user-* '$(O)'/kmod-* '$(O)'/selftests* \
		'$(O)'/lint* '$(O)'/bench '$(O)'/i386 '$(O)'/arm64 '$(O)'/arm64-16k \
		'$(O)'/s390x '$(O)'/fuzz '$(O)'/coverage '$(O)'/model '$(O)'/abi '$(O)'/logs '$(O)'/.*.lock
	$(Q)rmdir '$(O)' 2>/dev/null || true

FORCE:
