# What xend/ builds, tests and installs.

# What xm and xend share: S-expressions, the configuration language, the domain model.
SXP_SRC := xend/sxp.c xend/sxp_print.c
EVAL_SRC := xend/eval.c xend/eval_value.c xend/eval_text.c xend/eval_lex.c xend/eval_parse.c \
	xend/eval_parse_expr.c xend/eval_run.c xend/eval_expr.c xend/eval_call.c xend/eval_op.c \
	xend/eval_format.c xend/eval_builtin.c xend/eval_method.c xend/eval_module.c xend/eval_re.c

UNIT_TESTS += sxp eval
test_sxp_SRC := $(SXP_SRC)
test_eval_SRC := $(EVAL_SRC)
test_eval_LIBS := -lm

FUZZERS += sxp eval
fuzz_sxp_SRC := $(SXP_SRC)
fuzz_eval_SRC := $(EVAL_SRC)
fuzz_eval_LIBS := -lm
