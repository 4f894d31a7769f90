# Debian packages, in build/deb.
DEBS := $(foreach p,xylem-hypervisor xylem-hypervisor-dbg xylem-utils,$(O)/deb/$(p)_$(VERSION)_amd64.deb)

.PHONY: deb
deb: all
	tests/deps $(PACKAGES_DEB)
	rm -rf $(O)/deb debian/tmp debian/xylem-utils debian/xylem-hypervisor debian/xylem-hypervisor-dbg
	MAKEFLAGS= fakeroot debian/rules binary O=$(O) DEB_DEST=$(O)/deb
	fakeroot debian/rules clean
	lintian --fail-on error $(DEBS)

# Those that ours must get on with.
$(O)/beside/ready: Makefile
	rm -rf $(@D)
	mkdir -p $(@D)
	cd $(@D) && apt-get download -q -o APT::Sandbox::User=root $(PACKAGES_BESIDE)
	touch $@

LONG_TESTS += tests/system/deb tests/system/dom0-boot
LONG_NEEDS += deb $(O)/beside/ready
