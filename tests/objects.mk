# How tests are built and run.  A directory's objects.mk adds to
#   UNIT_TESTS     names NAME, each tests/unit/test_NAME.c with the sources in test_NAME_SRC
#                  (and libraries in test_NAME_LIBS), built with the sanitizers
#   CHECK_SCRIPTS  executables that print TAP, need neither root nor QEMU: part of `make check`
#   SYSTEM_TESTS   executables that print TAP and boot QEMU: part of `make test`
#   LONG_TESTS     the same, but long or hungry: `make test-long` runs them too
#   FUZZERS        names NAME, each tests/fuzz/fuzz_NAME.c with the sources in fuzz_NAME_SRC

UNIT_BINS := $(UNIT_TESTS:%=$(O)/tests/unit/test_%)
FUZZ_BINS := $(FUZZERS:%=$(O)/tests/fuzz/fuzz_%)
FUZZ_SECONDS := 60
FUZZ_CFLAGS := -std=gnu11 -O1 -g -D_GNU_SOURCE -I. -iquote hypervisor -fsanitize=fuzzer,address,undefined \
	-fno-sanitize-recover=undefined

define unit_test
$(O)/tests/unit/test_$(1): $(O)/san/tests/unit/test_$(1).o $(test_$(1)_SRC:%.c=$(O)/san/%.o)
	@mkdir -p $$(@D)
	$$(call run,LD,$$@)$$(CC) $$(SANITIZE) -o $$@ $$^ -lcmocka $(test_$(1)_LIBS)
endef
$(foreach t,$(UNIT_TESTS),$(eval $(call unit_test,$(t))))

define fuzzer
$(O)/tests/fuzz/fuzz_$(1): tests/fuzz/fuzz_$(1).c $(fuzz_$(1)_SRC)
	@mkdir -p $$(@D)
	clang $$(FUZZ_CFLAGS) -o $$@ $$^ $(fuzz_$(1)_LIBS)
endef
$(foreach f,$(FUZZERS),$(eval $(call fuzzer,$(f))))

# Unit tests see the hypervisor's headers, with the fake machine in place of x86's.
FAKE_CFLAGS := -iquote tests/fake -iquote hypervisor -iquote hypervisor/x86 -iquote tests/unit
$(O)/san/tests/unit/%.o: USER_CFLAGS += $(FAKE_CFLAGS)
$(O)/san/tests/fake/%.o: USER_CFLAGS += $(FAKE_CFLAGS)
$(O)/san/hypervisor/%.o: USER_CFLAGS += $(FAKE_CFLAGS)

CHECK_SCRIPTS += tests/docs

check: $(PROGRAMS) $(UNIT_BINS) $(CHECK_NEEDS)
	tests/run $(UNIT_BINS) $(CHECK_SCRIPTS)

test:
	tests/deps $(PACKAGES)
	$(MAKE) all $(UNIT_BINS) $(CHECK_NEEDS) $(SYSTEM_NEEDS)
	tests/run $(UNIT_BINS) $(CHECK_SCRIPTS) $(SYSTEM_TESTS)

test-long: test
	$(MAKE) $(LONG_NEEDS)
	tests/run $(LONG_TESTS)

fuzz: $(FUZZ_BINS)
	for f in $(FUZZ_BINS); do $$f -max_total_time=$(FUZZ_SECONDS) || exit 1; done

include tests/guest/objects.mk
include tests/system/objects.mk

.SECONDARY:
