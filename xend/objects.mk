# What xend/ builds, tests and installs.

SXP_SRC := xend/sxp.c xend/sxp_print.c

UNIT_TESTS += sxp
test_sxp_SRC := $(SXP_SRC)

FUZZERS += sxp
fuzz_sxp_SRC := $(SXP_SRC)
