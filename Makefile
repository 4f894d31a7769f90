# Xylem: hypervisor, xenstored, xend and xm.  `make help` lists the targets.

VERSION := 0.1
O       := build
prefix  := /usr
DESTDIR :=

# Every Debian package that building, running and testing need stands here and nowhere else.
PACKAGES_BUILD := gcc make libc6-dev pkg-config libxen-dev libyajl-dev libreadline-dev \
	zlib1g-dev liblzma-dev libzstd-dev liblz4-dev libext2fs-dev libncurses-dev libcmocka-dev
PACKAGES_RUN   := qemu-system-x86 busybox-static cpio xz-utils
# For the guest of `make run`, and for what its domain 0 does with it.
PACKAGES_GUEST := debootstrap e2fsprogs iproute2
PACKAGES_TEST  := clang libclang-rt-14-dev zstd lz4 gzip xorriso mtools ovmf grub-common \
	grub-pc-bin grub-efi-amd64-bin fdisk gdisk nftables
# What `make deb` needs besides.
PACKAGES_DEB   := debhelper fakeroot lintian
# Only unpacked, in the root where a test installs our packages beside them.  (Python is what Debian's xendomains
# needs.)
PACKAGES_BESIDE := xen-utils-4.17 xen-utils-common xenstore-utils xen-hypervisor-4.17-amd64 bash-completion \
	libpython3.11-minimal libpython3.11-stdlib python3.11-minimal python3-minimal libexpat1
# Unpacked under build/ for the machines that QEMU boots, never installed on this one.
PACKAGES_REFERENCE := linux-image-amd64 xen-hypervisor-4.17-amd64 xen-utils-4.17 xenstore-utils \
	libxenmisc4.17 libxencall1 libxendevicemodel1 libxenevtchn1 libxenforeignmemory1 libxengnttab1 \
	libxenhypfs1 libxenstore4 libxentoolcore1 libxentoollog1 libyajl2 libnl-3-200 libnl-route-3-200 \
	libfdt1
PACKAGES       := $(PACKAGES_BUILD) $(PACKAGES_RUN) $(PACKAGES_GUEST) $(PACKAGES_TEST) $(PACKAGES_DEB)

CC       := gcc
WARNINGS := -Wall -Wextra -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes -Werror \
	-Wno-unused-parameter -Wno-missing-field-initializers
# C11; "gnu" because Xen's public headers need their anonymous unions.
CFLAGS   := -std=gnu11 -O2 -g $(WARNINGS) -MMD -MP
# User space: Debian's hardening, and the GNU interfaces (epoll, accept4 …).
USER_CFLAGS := $(CFLAGS) -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -fstack-protector-strong -fPIE -I.
USER_LDFLAGS := -pie -Wl,-z,relro,-z,now
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer

# Makefile recipes never use the built-in rules.
MAKEFLAGS += -r
.SUFFIXES:
.DELETE_ON_ERROR:

# A line per file; V=1 shows the commands.
ifeq ($(V),1)
run =
else
run = @echo '  $(1) $(2)';
endif

define newline


endef

.PHONY: all check test test-long run bench fuzz deps packages install clean help
all:

# Each directory names its own objects, programs, tests and installed files.
include hypervisor/objects.mk
include xenstore/objects.mk
include xend/objects.mk
include xm/objects.mk
include xend/init/objects.mk
include debian/objects.mk
include tests/objects.mk

all: $(PROGRAMS) $(IMAGES)

$(O)/%.o: %.c
	@mkdir -p $(@D)
	$(call run,CC,$<)$(CC) $(USER_CFLAGS) -c -o $@ $<

# The same sources once more under the sanitizers, for unit tests.
$(O)/san/%.o: %.c
	@mkdir -p $(@D)
	$(call run,CC,$<)$(CC) $(USER_CFLAGS) $(SANITIZE) -c -o $@ $<

packages:
	@echo $(PACKAGES)

deps:
	tests/deps $(PACKAGES)

install: all
	$(foreach step,$(INSTALL_STEPS),$(call $(step))$(newline))

clean:
	rm -rf $(O)

help:
	@echo "make            build everything into $(O)/"
	@echo "make check      unit and protocol tests on this host (no root, under a minute)"
	@echo "make test       every test, QEMU included; installs missing packages (root)"
	@echo "make test-long  also the long ones: many machines, stress, a Debian root, guests' lives, fuzzing"
	@echo "make run        build, and boot it all in QEMU into a domain 0 shell (root)"
	@echo "make bench      ratios against Debian's Xen and its tools"
	@echo "make fuzz       fuzz what parses (clang; FUZZ_SECONDS=60 each)"
	@echo "make install    DESTDIR=… prefix=/usr"
	@echo "make deb        Debian packages in $(O)/deb, checked by lintian"
	@echo "make deps       install the Debian packages that all of this needs (root)"

-include $(shell find $(O) -path $(O)/debian -prune -o -type f -name "*.d" -print 2>/dev/null)
