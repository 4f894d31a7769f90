# Debian packages, in build/deb.
DEBS := $(foreach p,xylem-hypervisor xylem-hypervisor-dbg xylem-utils,$(O)/deb/$(p)_$(VERSION)_amd64.deb)

.PHONY: deb
deb: all
	tests/deps $(PACKAGES_DEB)
	rm -rf $(O)/deb debian/tmp debian/xylem-utils debian/xylem-hypervisor debian/xylem-hypervisor-dbg
	MAKEFLAGS= fakeroot debian/rules binary O=$(O) DEB_DEST=$(O)/deb
	fakeroot debian/rules clean
	lintian --fail-on error $(DEBS)
