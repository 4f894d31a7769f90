# Boot and shutdown of the host: init scripts, systemd's units, their programs and settings.

define init_install
	xend/init/install "$(DESTDIR)" "$(prefix)"
	install -d $(DESTDIR)$(prefix)/share/man/man8
	install -m 644 man/xendomains.8 man/xencommons.8 $(DESTDIR)$(prefix)/share/man/man8/

endef
INSTALL_STEPS += init_install

CHECK_SCRIPTS += tests/init/run
