# mdevd for BusyBox
# Licensed under GPLv2, see file LICENSE in this source tree.
#
# "make help" prints the comments that begin with ## and ###.
# The work is done in scripts/; the head of each script describes it.

ARCH ?= native
LIBC ?= $(if $(SANITIZE),glibc,musl)
DEFAULT_VERSION := $(shell sed -n '/^[0-9]/h; $$ { g; s/ .*//; p; }' configs/busybox-versions)

# ignore make's built-in default CC=cc
ifeq ($(origin CC),default)
CC :=
endif

# build/ARCH[-LIBC][-san[-CC]][-VERSION], and the stock BusyBox to compare with
variant := $(if $(filter-out musl,$(LIBC)),-$(LIBC))$(if $(SANITIZE),-san$(if $(CC),-$(notdir $(firstword $(CC)))))
variant := $(variant)$(if $(filter-out $(DEFAULT_VERSION),$(BUSYBOX_VERSION)),-$(BUSYBOX_VERSION))
OUT ?= build/$(ARCH)$(variant)
stock = build/stock$(if $(filter-out $(DEFAULT_VERSION),$(BUSYBOX_VERSION)),-$(BUSYBOX_VERSION))

export ARCH LIBC BUSYBOX_VERSION BUSYBOX_DIR CC CROSS_COMPILE CFLAGS LDFLAGS
export DESTDIR PREFIX SBINDIR
export OUT CONFIG BASE SANITIZE ONLY CASE V JOBS INSTALL DEBIAN_MIRROR SECS SEED N FILE TESTS

.PHONY: all busybox stock check check-quick check-boot check-all check-kernel check-matrix check-mutants check-distro fuzz demo initramfs size bench bench-boot bench-coldplug bench-guest
.PHONY: install export menuconfig olddefconfig randconfig clean distclean help

## Build

## all             build BusyBox with mdevd: build/native/busybox (ARCH=armel: build/armel/busybox)
all: busybox

busybox:
	@scripts/busybox --say

## stock           build the unpatched BusyBox that the tests compare with: build/stock/busybox
stock:
	@OUT=$(stock) scripts/busybox --oracle

## menuconfig      edit the configuration in menus
menuconfig:
	@scripts/busybox --menu

## olddefconfig    give new symbols of the configuration their defaults
olddefconfig:
	@scripts/busybox --old

## randconfig      make a random configuration
randconfig:
	@scripts/busybox --random

## initramfs       make an initramfs (MODULES=DIR MODALIASES=FILE EXTRA= CONF=; docs/initramfs.md)
initramfs: busybox
	@examples/initramfs/build

## clean           remove build/
clean:
	rm -rf build

## distclean       remove build/ and the downloads in dl/
distclean: clean
	rm -rf dl

## Test

## demo            boot an emulated armel machine with mdevd and plug in a USB disk
demo:
	@scripts/demo

## check           run the tests; the last line counts them (ONLY="name...": only these steps or groups)
check:
	@ORACLE=$(stock) scripts/check

## check-quick     run the daemon's tests only: three minutes
check-quick:
	@ORACLE=$(stock) scripts/check --quick

## check-boot      run only the tests in an emulated armel machine
check-boot:
	@ONLY=boot ORACLE=$(stock) scripts/check

## check-all       run all tests, including those that take hours
check-all:
	@ORACLE=$(stock) scripts/check --all

## check-matrix    build and test with other compilers, C libraries, machines and BusyBox versions
check-matrix:
	@ONLY=matrix ORACLE=$(stock) scripts/check --all

## check-mutants   make small changes to applets/, and run the tests on each (N=300 FILE=mdev_node.c; an hour)
check-mutants:
	@unset OUT; ORACLE=$(stock) scripts/check-mutants

## check-distro    run "make demo" and "make check" in a bare Debian SUITE=trixie, as root and as a user
check-distro:
	@scripts/check-distro $(SUITE)

## check-kernel    test your own kernel with the armel guest (KERNEL=zImage MACHINE= DTB= APPEND=)
check-kernel:
	@scripts/check-kernel

## fuzz            run the fuzz targets for SECS=60 seconds each (TARGET=name: only this one)
fuzz:
	@scripts/fuzz $(TARGET)

## size            show what mdevd adds to an armel BusyBox, and the deepest stacks (some minutes)
size:
	@scripts/size

## bench           measure CPU time and memory per event, compared with mdev -d and others
bench:
	@scripts/bench

## bench-guest     measure CPU time per event in an emulated armel machine
bench-guest:
	@scripts/bench-guest

## bench-coldplug  measure the time until /dev is ready, compared with mdev -s and udevd
bench-coldplug:
	@scripts/bench-coldplug

## bench-boot      measure how long the boot of an emulated machine waits for modules
bench-boot:
	@scripts/bench-boot

## Publish

## install         install the program, the manuals and the examples below DESTDIR
install: busybox
	@scripts/install $(OUT)

## export          make patches and an external tree for Buildroot in build/export
export:
	@scripts/export $(VERSIONS)

## help            print this list
help:
	@sed -n 's/^## \([A-Z].*\)/\1:/p; s/^## \([a-z]\)/  \1/p' Makefile
	@echo 'Variables:'
	@sed -n 's/^### /  /p' Makefile

### BUSYBOX_VERSION=1.38.0   or 1.37.0, 1.35.0: the release to build
### BUSYBOX_DIR=DIR          your own BusyBox tree instead: it is patched, and built in OUT
### ARCH=native              or armel: ARMv5, soft float
### LIBC=musl                or glibc, for ARCH=native
### CC= CROSS_COMPILE=       your own compiler instead; CFLAGS, LDFLAGS as usual
### CONFIG="FILE..."         configuration fragments to merge
### BASE=defconfig           or allnoconfig or a file: replaces the configuration of this kit
### OUT=DIR                  the build directory
### VERSIONS=...             the releases to export (default: all)
### ONLY="name..."           for make check: only these steps or groups (scripts/check --list)
### CASE="text"              only cases of mdevd.tests and others whose names contain it
### SANITIZE=1               build with the address and undefined behaviour sanitizers
### V=1                      show every command
### DESTDIR= PREFIX=/usr SBINDIR=/sbin  for make install
### INSTALL=no               never install packages
### DEBIAN_MIRROR=URL        a Debian mirror, where apt's sources name none (Ubuntu)
