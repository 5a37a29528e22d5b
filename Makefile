# mdevd for BusyBox
# Licensed under GPLv2, see file LICENSE in this source tree.
#
# What a comment with two number signs says here is what "make help" prints.
# The scripts do the work; each says in its first lines what it does.

ARCH ?= native
LIBC ?= $(if $(SANITIZE),glibc,musl)
DEFAULT_VERSION := $(shell sed -n '/^[0-9]/h; $$ { g; s/ .*//; p; }' configs/busybox-versions)
BUSYBOX_VERSION ?= $(DEFAULT_VERSION)

# make has a CC of its own, which is nobody's wish
ifeq ($(origin CC),default)
CC :=
endif

# build/ARCH[-LIBC][-san[-CC]][-VERSION], and what it is compared with
variant := $(if $(filter-out musl,$(LIBC)),-$(LIBC))$(if $(SANITIZE),-san$(if $(CC),-$(notdir $(firstword $(CC)))))
variant := $(variant)$(if $(filter-out $(DEFAULT_VERSION),$(BUSYBOX_VERSION)),-$(BUSYBOX_VERSION))
OUT ?= build/$(ARCH)$(variant)
oracle = build/oracle$(if $(filter-out $(DEFAULT_VERSION),$(BUSYBOX_VERSION)),-$(BUSYBOX_VERSION))

export ARCH LIBC BUSYBOX_VERSION BUSYBOX_DIR CC CROSS_COMPILE CFLAGS LDFLAGS
export DESTDIR PREFIX SBINDIR
export OUT CONFIG BASE SANITIZE ONLY V JOBS INSTALL SECS SEED

.PHONY: all busybox oracle check check-boot check-all check-kernel check-matrix fuzz demo initramfs size bench bench-boot bench-coldplug bench-guest
.PHONY: install export menuconfig olddefconfig randconfig clean distclean help

## all           build BusyBox with mdevd: build/native/busybox (ARCH=armel: build/armel/busybox)
all: busybox

busybox:
	@scripts/busybox

## oracle        build the untouched BusyBox that tests compare with: build/oracle/busybox
oracle:
	@OUT=$(oracle) scripts/busybox --untouched

## check         run the tests; the last line counts them (ONLY=name: one step of them)
check:
	@ORACLE=$(oracle) scripts/check

## check-boot    run the tests in an emulated armel machine only
check-boot:
	@ONLY=boot ORACLE=$(oracle) scripts/check

## check-all     run the tests that take long, too
check-all:
	@ORACLE=$(oracle) scripts/check --all

## check-matrix  build and try it with other compilers, C libraries, machines and BusyBoxes
check-matrix:
	@ONLY=matrix ORACLE=$(oracle) scripts/check --all

## fuzz          feed the fuzz targets for SECS=60 seconds each (TARGET=name: one of them)
fuzz:
	@scripts/fuzz $(TARGET)

## demo          boot an emulated armel machine with mdevd and plug in a USB disk
demo:
	@scripts/demo

## initramfs     make an initramfs for a machine (MODULES=DIR MODALIASES=FILE EXTRA= CONF=)
initramfs: busybox
	@examples/initramfs/build

## size          what mdevd adds to an armel BusyBox, by function
size:
	@scripts/size

## bench         CPU time and memory of an event, beside others
bench:
	@scripts/bench

## bench-guest   CPU time of an event in an emulated armel machine, beside mdev -d
bench-guest:
	@scripts/bench-guest

## bench-coldplug  how long until /dev is ready, beside mdev -s and udevd
bench-coldplug:
	@scripts/bench-coldplug

## bench-boot    how long an emulated machine's boot waits for modules, with and without mdevd
bench-boot:
	@scripts/bench-boot

## check-kernel  run a kernel of yours with the armel guest (KERNEL=zImage MACHINE= DTB= APPEND=)
check-kernel:
	@scripts/check-kernel

## install       put the program, its manuals and the examples below DESTDIR
install: busybox
	@scripts/install $(OUT)

## export        patches for others, and what Buildroot takes: see build/export
export:
	@scripts/export $(VERSIONS)

## menuconfig    edit the configuration in menus
menuconfig:
	@scripts/busybox --menu

## olddefconfig  give new symbols of the configuration their defaults
olddefconfig:
	@scripts/busybox --old

## randconfig    make up a configuration
randconfig:
	@scripts/busybox --random

## clean         remove what was built
clean:
	rm -rf build

## distclean     remove what was downloaded, too
distclean: clean
	rm -rf dl

## help          this list
help:
	@sed -n 's/^## \([a-z]\)/  \1/p' Makefile
	@echo 'Variables:'
	@sed -n 's/^### /  /p' Makefile

### BUSYBOX_VERSION=1.38.0   or 1.37.0, 1.35.0: the release to build with
### BUSYBOX_DIR=DIR          a BusyBox tree of yours instead: it is patched, and built outside
### ARCH=native              or armel: ARMv5, soft float
### LIBC=musl                or glibc, for ARCH=native
### CC= CROSS_COMPILE=       a compiler of yours instead; CFLAGS, LDFLAGS as usual
### CONFIG=FILE              configuration fragments to put on top
### BASE=defconfig           or allnoconfig or a file: a configuration without anything of ours
### OUT=DIR                  where to build
### VERSIONS=...             which of them to export (default: all)
### SANITIZE=1               with the address and undefined behaviour sanitizers
### V=1                      show every command
### DESTDIR= PREFIX=/usr SBINDIR=/sbin  for make install
### INSTALL=no               never install packages
