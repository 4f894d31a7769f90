/* xend/eval*.c: the configuration language, against what Python 2 made of the same text. */
#include "check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "xend/eval.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* What variable x holds, as str() shows it; the caller frees. */
static char *value_of_x(const char *script)
{
	struct eval *e = eval_new(NULL);
	struct eval_error err;
	const struct eval_value *x;
	char *text = NULL;
	int rc = eval_run(e, script, strlen(script), &err);

	if (rc)
		printf("# %s\n# %u:%u: %s\n", script, err.where.line, err.where.column, err.text);
	CHECK_EQ(rc, 0);
	x = eval_get(e, "x");
	if (x)
		text = strdup(eval_str(e, x));
	eval_free(e);
	return text;
}

static void check_expression(const char *expression, const char *repr)
{
	char script[1024], *text;

	snprintf(script, sizeof(script), "x = repr(%s)", expression);
	text = value_of_x(script);
	if (strcmp(text, repr))
		printf("# %s\n", expression);
	CHECK_STR(text, repr);
	free(text);
}

static void check_script(const char *script, const char *x)
{
	char *text = value_of_x(script);

	if (!text || strcmp(text, x))
		printf("# %s\n", script);
	CHECK(text);
	CHECK_STR(text, x);
	free(text);
}

struct expression {
	const char *text, *repr;
};

static void check_expressions(const struct expression *row, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check_expression(row[i].text, row[i].repr);
}

struct failure {
	const char *script;
	unsigned line, column;
	const char *text;		/* part of the error */
};

static void check_failures(const struct failure *row, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct eval *e = eval_new(NULL);
		struct eval_error err;
		int rc = eval_run(e, row[i].script, strlen(row[i].script), &err);

		if (rc != -EINVAL || !strstr(err.text, row[i].text) ||
		    err.where.line != row[i].line || err.where.column != row[i].column)
			printf("# %s\n# rc %d at %u:%u: %s\n", row[i].script, rc, err.where.line,
			       err.where.column, rc ? err.text : "");
		CHECK_EQ(rc, -EINVAL);
		CHECK(strstr(err.text, row[i].text));
		CHECK_EQ(err.where.line, row[i].line);
		CHECK_EQ(err.where.column, row[i].column);
		eval_free(e);
	}
}

static void strings_come_in_every_quoting(void)
{
	static const struct expression row[] = {
		{ "'abc'", "'abc'" },
		{ "\"abc\"", "'abc'" },
		{ "''", "''" },
		{ "'it\\'s'", "\"it's\"" },
		{ "\"say \\\"a'b\\\"\"", "'say \"a\\'b\"'" },
		{ "'''a\nb'''", "'a\\nb'" },
		{ "\"\"\"a 'b' \"c\" d\"\"\"", "'a \\'b\\' \"c\" d'" },
		{ "''''''", "''" },
		{ "'a' 'b' \"c\"", "'abc'" },
		{ "'\\n\\t\\\\\\x41\\101\\q'", "'\\n\\t\\\\AA\\\\q'" },
		{ "r'\\n\\''", "\"\\\\n\\\\'\"" },
		{ "R\"a\\b\"", "'a\\\\b'" },
		{ "u'abc'", "'abc'" },
		{ "b'abc'", "'abc'" },
		{ "ur'a\\b'", "'a\\\\b'" },
		{ "'a\\\nb'", "'ab'" },
		{ "'\xc3\xa4'", "'\\xc3\\xa4'" },
		{ "'# no comment'", "'# no comment'" },
	};

	check_expressions(row, COUNT(row));
}

static void numbers_are_read_as_python_reads_them(void)
{
	static const struct expression row[] = {
		{ "0", "0" }, { "64", "64" }, { "0x1F", "31" }, { "0X1f", "31" }, { "017", "15" },
		{ "0o17", "15" }, { "0b101", "5" }, { "3L", "3L" }, { "1.5", "1.5" },
		{ ".5", "0.5" }, { "5.", "5.0" }, { "1e3", "1000.0" }, { "1.5e-3", "0.0015" },
		{ "9223372036854775807", "9223372036854775807" }, { "0.1", "0.1" },
	};

	check_expressions(row, COUNT(row));
}

static void arithmetic_follows_python_two(void)
{
	static const struct expression row[] = {
		{ "1+2*3", "7" }, { "(1+2)*3", "9" }, { "7/2", "3" }, { "-7/2", "-4" },
		{ "7//2", "3" }, { "-7//2", "-4" }, { "7%3", "1" }, { "-7%3", "2" }, { "7%-3", "-2" },
		{ "7/2.0", "3.5" }, { "7.5//2", "3.0" }, { "-7.5%2", "0.5" }, { "2**10", "1024" },
		{ "2**-1", "0.5" }, { "-2**2", "-4" }, { "2**3**2", "512" }, { "1<<4", "16" },
		{ "-16>>2", "-4" }, { "1<<62", "4611686018427387904" }, { "1>>99", "0" },
		{ "5&3", "1" }, { "5|3", "7" }, { "5^3", "6" }, { "~5", "-6" }, { "- -5", "5" },
		{ "True+1", "2" }, { "'a'*3", "'aaa'" }, { "3*'ab'", "'ababab'" }, { "'a'*-1", "''" },
		{ "[1]*2", "[1, 1]" }, { "[1]+[2]", "[1, 2]" }, { "(1,)+(2,)", "(1, 2)" },
		{ "'a'+'b'", "'ab'" }, { "10-2-3", "5" }, { "100/10/5", "2" },
		{ "-9223372036854775807-1", "-9223372036854775808" },
	};

	check_expressions(row, COUNT(row));
}

static void integer_overflow_is_an_error(void)
{
	static const struct failure row[] = {
		{ "x = 9223372036854775807 + 1", 1, 25, "does not fit 64 bits" },
		{ "x = -9223372036854775807 - 2", 1, 26, "does not fit 64 bits" },
		{ "x = 4294967296 * 4294967296", 1, 16, "does not fit 64 bits" },
		{ "x = 2 ** 63", 1, 7, "does not fit 64 bits" },
		{ "x = 1 << 63", 1, 7, "does not fit 64 bits" },
		{ "x = (-9223372036854775807-1) / -1", 1, 30, "does not fit 64 bits" },
		{ "x = -(-9223372036854775807-1)", 1, 5, "does not fit 64 bits" },
		{ "x = 9223372036854775808", 1, 5, "does not fit 64 bits" },
		{ "x = int('9223372036854775808')", 1, 5, "does not fit 64 bits" },
		{ "x = int(1e30)", 1, 5, "does not fit 64 bits" },
		{ "x = '%d' % 1e30", 1, 10, "does not fit 64 bits" },
		{ "x = 1 / 0", 1, 7, "by zero" },
		{ "x = 1 % 0", 1, 7, "by zero" },
		{ "x = 1.0 / 0", 1, 9, "by zero" },
		{ "x = 0 ** -1", 1, 7, "by zero" },
	};

	check_failures(row, COUNT(row));
}

static void comparisons_and_logic(void)
{
	static const struct expression row[] = {
		{ "1 < 2", "True" }, { "1 < 2 < 3", "True" }, { "1 < 3 < 2", "False" },
		{ "1 == 1.0", "True" }, { "'a' == \"a\"", "True" }, { "1 != 2", "True" },
		{ "1 <> 2", "True" }, { "'a' < 'b'", "True" }, { "'a' == 1", "False" },
		{ "[1,2] < [1,3]", "True" }, { "(1,) == (1,)", "True" }, { "[1] == (1,)", "False" },
		{ "{'a': 1} == {'a': 1}", "True" }, { "None is None", "True" },
		{ "1 is not None", "True" }, { "'b' in 'abc'", "True" }, { "1 in [1, 2]", "True" },
		{ "3 not in (1, 2)", "True" }, { "'k' in {'k': 1}", "True" }, { "not 1", "False" },
		{ "not not 'a'", "True" }, { "1 and 2", "2" }, { "0 and 2", "0" },
		{ "0 or 'x'", "'x'" }, { "1 or 1/0", "1" }, { "0 and 1/0", "0" },
		{ "'a' if 1 else 'b'", "'a'" }, { "'a' if 0 else 'b'", "'b'" },
		{ "not 1 == 2", "True" }, { "1 == 1 and 2 == 2", "True" },
	};

	check_expressions(row, COUNT(row));
}

static void formatting_is_printf(void)
{
	check_expression("'phy:sda%d,sda1,w' % (7+3)", "'phy:sda10,sda1,w'");
	check_expression("'%s-%d' % ('a', 1)", "'a-1'");
	check_expression("'%05d|%-5d|%+d|% d' % (42, 42, 42, 42)", "'00042|42   |+42| 42'");
	check_expression("'%x %X %o %#x' % (255, 255, 8, 255)", "'ff FF 10 0xff'");
	check_expression("'%02x' % 10", "'0a'");
	check_expression("'%.3d' % 5", "'005'");
	check_expression("'%05.3d|%-5.3d|' % (5, 5)", "'00005|005  |'");
	check_expression("'%5.1f|%e|%g' % (3.14159, 1.0, 0.5)", "'  3.1|1.000000e+00|0.5'");
	check_expression("'%s %r' % ('a', 'a')", "\"a 'a'\"");
	check_expression("'%.2s|%5s|%-5s|' % ('abc', 'ab', 'ab')", "'ab|   ab|ab   |'");
	check_expression("'%c%c' % ('a', 66)", "'aB'");
	check_expression("'100%%' % ()", "'100%'");
	check_expression("'%(a)s-%(b)02d' % {'a': 'x', 'b': 3}", "'x-03'");
	check_expression("'%*d' % (5, 3)", "'    3'");
	check_expression("'%s' % [1, 'a']", "\"[1, 'a']\"");
	check_expression("'%d' % 3.9", "'3'");
	check_expression("'%s' % None", "'None'");
	check_expression("'%d' % True", "'1'");
	check_expression("'%d' % -9223372036854775807", "'-9223372036854775807'");
	check_expression("'{0}-{1}-{n}-{{}}'.format(1, 'b', n=3)", "'1-b-3-{}'");
	check_expression("'{}{}'.format(1, 2)", "'12'");
}

static void bad_formats_are_refused(void)
{
	static const struct failure row[] = {
		{ "x = '%d' % 'a'", 1, 10, "a number is required, not str" },
		{ "x = '%d %d' % 1", 1, 13, "not enough arguments" },
		{ "x = 'abc' % 1", 1, 11, "not all arguments converted" },
		{ "x = '%d' % (1, 2)", 1, 10, "not all arguments converted" },
		{ "x = '%q' % 1", 1, 10, "unsupported format character 'q'" },
		{ "x = '%' % 1", 1, 9, "incomplete format" },
		{ "x = '%99999d' % 1", 1, 15, "4096 columns" },
		{ "x = '%*d' % (99999, 1)", 1, 11, "4096 columns" },
		{ "x = '%(a' % {}", 1, 11, "incomplete format key" },
		{ "x = '%(a)s' % 1", 1, 13, "requires a mapping" },
		{ "x = '%(a)s' % {}", 1, 13, "'a'" },
		{ "x = '%c' % 0", 1, 10, "%c requires" },
	};

	check_failures(row, COUNT(row));
}

static void lists_tuples_and_dicts(void)
{
	static const struct expression row[] = {
		{ "[]", "[]" }, { "[ '' ]", "['']" }, { "[1,\n 2, # two\n 3,\n]", "[1, 2, 3]" },
		{ "()", "()" }, { "(1)", "1" }, { "(1,)", "(1,)" }, { "(1,2)", "(1, 2)" },
		{ "{}", "{}" }, { "{'a': 1, 'b': [2],}", "{'a': 1, 'b': [2]}" },
		{ "{'a': 1, 'a': 2}", "{'a': 2}" }, { "{'a': 1}['a']", "1" },
		{ "[1,2,3][0]", "1" }, { "[1,2,3][-1]", "3" }, { "'abc'[1]", "'b'" },
		{ "[1,2,3][1:]", "[2, 3]" }, { "[1,2,3][:-1]", "[1, 2]" }, { "'abc'[::-1]", "'cba'" },
		{ "'abcdef'[1:5:2]", "'bd'" }, { "[1,2,3][5:]", "[]" }, { "'abc'[-99:99]", "'abc'" },
		{ "(1,2,3)[:2]", "(1, 2)" }, { "[1,2,3][::-2]", "[3, 1]" },
		{ "'abc'[2:0:-1]", "'cb'" }, { "'abc'[:None]", "'abc'" },
		{ "[[1], [2, [3]]]", "[[1], [2, [3]]]" },
		{ "[i * 2 for i in range(4) if i % 2]", "[2, 6]" },
		{ "['%s%d' % (a, b) for a in 'xy' for b in range(2)]", "['x0', 'x1', 'y0', 'y1']" },
		{ "{'b': 2, 'a': 1}.get('c', 9)", "9" }, { "sorted({'b': 2, 'a': 1}.keys())", "['a', 'b']" },
		{ "{'a': 1}.items()", "[('a', 1)]" }, { "{'a': 1}.has_key('a')", "True" },
		{ "{'a': 1}.values()", "[1]" }, { "dict(a=1)", "{'a': 1}" },
		{ "dict([('a', 1)])", "{'a': 1}" },
	};

	check_expressions(row, COUNT(row));
}

static void string_methods(void)
{
	static const struct expression row[] = {
		{ "'aBc'.upper()", "'ABC'" }, { "'aBc'.lower()", "'abc'" },
		{ "' a '.strip()", "'a'" }, { "' a '.lstrip()", "'a '" }, { "' a '.rstrip()", "' a'" },
		{ "'xxaxx'.strip('x')", "'a'" }, { "'a b  c'.split()", "['a', 'b', 'c']" },
		{ "'a,b,,c'.split(',')", "['a', 'b', '', 'c']" }, { "'a,b,c'.split(',', 1)", "['a', 'b,c']" },
		{ "' a b c '.split(None, 1)", "['a', 'b c ']" }, { "''.split()", "[]" },
		{ "''.split(',')", "['']" }, { "','.join(['a', 'b'])", "'a,b'" }, { "''.join('abc')", "'abc'" },
		{ "'aXbXc'.replace('X', '--')", "'a--b--c'" }, { "'aaa'.replace('a', 'b', 2)", "'bba'" },
		{ "'abc'.startswith('ab')", "True" }, { "'abc'.endswith(('x', 'bc'))", "True" },
		{ "'abcb'.find('b')", "1" }, { "'abcb'.rfind('b')", "3" }, { "'abc'.find('z')", "-1" },
		{ "'aXbXc'.count('X')", "2" }, { "'12'.isdigit()", "True" }, { "''.isdigit()", "False" },
		{ "'ab'.isalpha()", "True" }, { "'a1'.isalnum()", "True" }, { "'7'.zfill(3)", "'007'" },
		{ "'abc'.center(6)", "' abc  '" }, { "'ab'.center(5)", "'  ab '" },
		{ "'ab'.ljust(4)", "'ab  '" }, { "'ab'.rjust(4, '.')", "'..ab'" },
		{ "'hello world'.title()", "'Hello World'" }, { "'aBC'.capitalize()", "'Abc'" },
		{ "'k=v=w'.partition('=')", "('k', '=', 'v=w')" }, { "'a\\nb\\r\\nc'.splitlines()", "['a', 'b', 'c']" },
	};

	check_expressions(row, COUNT(row));
}

static void builtin_functions(void)
{
	static const struct expression row[] = {
		{ "int('42')", "42" }, { "int(' 42 ')", "42" }, { "int('ff', 16)", "255" },
		{ "int('0x10', 0)", "16" }, { "int(3.9)", "3" }, { "int(-3.9)", "-3" }, { "int()", "0" },
		{ "float('1.5')", "1.5" }, { "str(12)", "'12'" }, { "str('a')", "'a'" },
		{ "str([1, 'a'])", "\"[1, 'a']\"" }, { "str(1.0)", "'1.0'" }, { "str(None)", "'None'" },
		{ "len('abc')", "3" }, { "len([1, 2])", "2" }, { "len({'a': 1})", "1" },
		{ "range(3)", "[0, 1, 2]" }, { "range(1, 4)", "[1, 2, 3]" }, { "range(4, 0, -2)", "[4, 2]" },
		{ "range(0)", "[]" }, { "max(1, 3, 2)", "3" }, { "min([2, 1])", "1" }, { "sum([1, 2])", "3" },
		{ "abs(-2)", "2" }, { "sorted([3, 1, 2])", "[1, 2, 3]" },
		{ "sorted(['b', 'a'], reverse=True)", "['b', 'a']" }, { "reversed([1, 2])", "[2, 1]" },
		{ "zip([1, 2], 'ab')", "[(1, 'a'), (2, 'b')]" },
		{ "enumerate('ab')", "[(0, 'a'), (1, 'b')]" }, { "map(str, [1, 2])", "['1', '2']" },
		{ "filter(lambda v: v > 1, [1, 2])", "[2]" }, { "hex(255)", "'0xff'" }, { "oct(8)", "'010'" },
		{ "chr(65)", "'A'" }, { "ord('A')", "65" }, { "bool([])", "False" }, { "list('ab')", "['a', 'b']" },
		{ "tuple([1])", "(1,)" }, { "isinstance('a', str)", "True" }, { "any([0, 1])", "True" },
		{ "all([0, 1])", "False" }, { "long(3)", "3L" }, { "round(2.5)", "3.0" },
	};

	check_expressions(row, COUNT(row));
}

static void statements_do_what_they_say(void)
{
	static const struct { const char *script, *x; } row[] = {
		{ "x=1", "1" },
		{ "x = 1; y = 2; x = y", "2" },
		{ "x = y = 3", "3" },
		{ "a, b = 1, 2\nx = b", "2" },
		{ "(a, [b, c]) = (1, (2, 3))\nx = c", "3" },
		{ "x = [1]\nx += [2]\ny = x\ny += (3,)", "[1, 2, 3]" },
		{ "x = 1\nx += 2\nx *= 5\nx -= 1\nx /= 2\nx %= 4\nx **= 3\nx <<= 1\nx |= 1", "55" },
		{ "x = 'a'\nx += 'b'", "ab" },
		{ "x = {}\nx['a'] = 1\nx['a'] += 1", "{'a': 2}" },
		{ "x = [1, 2]\nx[0] = 9", "[9, 2]" },
		{ "if 1:\n  x = 'yes'\nelse:\n  x = 'no'\n", "yes" },
		{ "if 0: x = 1\nelif 0: x = 2\nelif 1: x = 3\nelse: x = 4", "3" },
		{ "if 1:\n\n  # comment\n  x = 1\n# at the margin\n  y = 2\nx = y", "2" },
		{ "if 1:\n\tif 1:\n\t\tx = 1\n\telse:\n\t\tx = 2\n", "1" },
		{ "x = 0\nwhile x < 5:\n  x += 1\n  if x == 3: break\nelse:\n  x = 99", "3" },
		{ "x = 0\nwhile x < 5: x += 1\nelse: x = 99", "99" },
		{ "x = []\nfor i in range(5):\n  if i == 2: continue\n  x.append(i)", "[0, 1, 3, 4]" },
		{ "x = ''\nfor k, v in [('a', 1), ('b', 2)]: x += k + str(v)", "a1b2" },
		{ "x = [3]\nfor i in x:\n  x.append(i)", "[3, 3]" },	/* goes through a copy */
		{ "def f(a, b=2, c=3):\n  return a + b * c\nx = f(1, c=10)", "21" },
		{ "def f():\n  pass\nx = f()", "None" },
		{ "def f(n):\n  if n < 2: return 1\n  return n * f(n - 1)\nx = f(10)", "3628800" },
		{ "y = 1\ndef f():\n  y = 2\nf()\nx = y", "1" },
		{ "y = 1\ndef f():\n  global y\n  y = 2\nf()\nx = y", "2" },
		{ "def outer(n):\n  def inner(m): return n + m\n  return inner\nx = outer(3)(4)", "7" },
		{ "x = (lambda a, b=1: a + b)(2)", "3" },
		{ "try:\n  x = int('z')\nexcept ValueError:\n  x = 'bad'", "bad" },
		{ "try:\n  x = 1 / 0\nexcept (KeyError, ZeroDivisionError), e:\n  x = str(e)",
		  "integer division or modulo by zero" },
		{ "try:\n  raise ValueError('why')\nexcept Exception as e:\n  x = e", "why" },
		{ "try:\n  x = 1\nexcept:\n  x = 2\nelse:\n  x = 3\nfinally:\n  x += 10", "13" },
		{ "x = 1\ndel x\nx = 2", "2" },
		{ "x = [1, 2, 3]\ndel x[1]", "[1, 3]" },
		{ "x = {'a': 1, 'b': 2}\ndel x['a']", "{'b': 2}" },
		{ "x = 1\nassert x == 1, 'never'", "1" },
		{ "x = 1 + \\\n    2", "3" },
		{ "x = 1\r\nif x:\r\n  x = 2\r\n", "2" },
		{ "\xef\xbb\xbfx = 1", "1" },
		{ "print 'ignored', 1\nprint\nprint >>sys.stderr, 'a'\nprint('b')\nx = 1", "1" },
		{ "x = [1, 2, 3]\nx.remove(2)\nx.insert(0, 9)\ny = x.pop()\nx.extend([y, y])\nx.reverse()",
		  "[3, 3, 1, 9]" },
		{ "x = [3, 1, 2]\nx.sort()", "[1, 2, 3]" },
		{ "x = [1, 2, 1].count(1) + [5, 6].index(6)", "3" },
	};

	for (size_t i = 0; i < COUNT(row); i++)
		check_script(row[i].script, row[i].x);
}

static void modules_offer_the_calls_of_the_examples(void)
{
	static const struct { const char *script, *x; } row[] = {
		{ "import os, re\narch = os.uname()[4]\nx = re.search('64', arch) and 1 or 0", "1" },
		{ "import os\nx = os.path.exists('/') and os.path.isdir('/') and not os.path.isfile('/')",
		  "True" },
		{ "x = os.path.join('/a', 'b', 'c')", "/a/b/c" },
		{ "x = os.path.join('/a', '/b')", "/b" },
		{ "x = os.path.basename('/a/b.c')", "b.c" },
		{ "x = os.path.dirname('/a/b.c')", "/a" },
		{ "x = os.path.splitext('/a.d/b.c')", "('/a.d/b', '.c')" },
		{ "import os.path\nx = os.path.basename('/a/b')", "b" },
		{ "from os.path import basename, dirname as d\nx = basename('/a/b') + d('/a/b')", "b/a" },
		{ "from xen.util.ip import *\nx = add_offset_to_ip('10.0.0.1', 300)", "10.0.1.45" },
		{ "x = inet_ntoa(inet_aton('192.168.0.1'))", "192.168.0.1" },
		{ "x = check_subnet('10.0.0.5', '10.0.0.0', '255.255.255.0')", "True" },
		{ "import re as r\nx = r.match('vm([0-9]+)-(.*)', 'vm12-a').group(1)", "12" },
		{ "x = re.match('vm([0-9]+)-(.*)', 'vm12-a').groups()", "('12', 'a')" },
		{ "x = re.sub('[ab]+', '-', 'xaabyb')", "x-y-" },
		{ "x = os.getenv('NO_SUCH_VARIABLE', 'none')", "none" },
		{ "x = 'PATH' in os.environ", "True" },
		{ "x = len(socket.gethostname()) > 0", "True" },
		{ "x = xm_help", "0" },
	};

	for (size_t i = 0; i < COUNT(row); i++)
		check_script(row[i].script, row[i].x);
}

static void regular_expressions_match_as_pythons(void)
{
	static const struct { const char *pattern, *subject, *group; } row[] = {
		{ "64", "x86_64", "64" }, { "^64", "x86_64", NULL }, { "64$", "x86_64", "64" },
		{ "a*", "aaa", "aaa" }, { "a+?", "aaa", "a" }, { "a??b", "ab", "ab" },
		{ "a|ab", "ab", "a" }, { "(a|ab)(c|bcd)", "abcd", "abcd" }, { "[^a-c]+", "abxyc", "xy" },
		{ "\\\\d{2,3}", "a1234", "123" }, { "\\\\d{2,3}?", "a1234", "12" }, { "x{0}y", "xy", "y" },
		{ "(ab){2}", "ababab", "abab" }, { "(ab){2,}", "abababx", "ababab" },
		{ "a{,2}b", "aaab", "aab" }, { "a{x", "a{x", "a{x" }, { "\\\\bfoo\\\\b", "a foo b", "foo" },
		{ "(?:a|b)+c", "xabac", "abac" }, { "(?i)ABC", "xabc", "abc" }, { ".", "\\n", NULL },
		{ "[]a]+", "x]a]", "]a]" }, { "[a-]+", "b-a", "-a" }, { "(a*)*b", "aaab", "aaab" },
		{ "(?P<n>\\\\w+)=", "key=1", "key=" }, { "^$", "", "" }, { "\\\\.", "a.b", "." },
		{ "i[3-6]86", "i686", "i686" }, { "(|a)b", "ab", "ab" }, { "a(b|)c", "ac", "ac" },
	};

	for (size_t i = 0; i < COUNT(row); i++) {
		char script[300];

		snprintf(script, sizeof(script), "m = re.search('%s', '%s')\nx = m and '<%%s>' %% m.group()",
			 row[i].pattern, row[i].subject);
		if (row[i].group) {
			char want[100];

			snprintf(want, sizeof(want), "<%s>", row[i].group);
			check_script(script, want);
		} else {
			check_script(script, "None");
		}
	}
}

static void regular_expressions_are_bounded(void)
{
	static const struct failure row[] = {
		{ "x = re.search('(', 'a')", 1, 5, "expected ')'" },
		{ "x = re.search(')', 'a')", 1, 5, "too many" },
		{ "x = re.search('*', 'a')", 1, 5, "nothing to repeat" },
		{ "x = re.search('a**', 'a')", 1, 5, "multiple repeat" },
		{ "x = re.search('[a', 'a')", 1, 5, "expected ']'" },
		{ "x = re.search('[b-a]', 'a')", 1, 5, "bad character range" },
		{ "x = re.search('(a)\\\\1', 'a')", 1, 5, "back references" },
		{ "x = re.search('(?=a)', 'a')", 1, 5, "not available" },
		{ "x = re.search('a{999}', 'a')", 1, 5, "repeat counts" },
		{ "x = re.search('((a{255}){255}){255}', 'a')", 1, 5, "too long" },
		{ "x = re.search('(' * 40, 'a')", 1, 5, "groups" },
		{ "x = re.search('a' * 2000, 'a')", 1, 5, "too long" },
		{ "x = re.search('(a*)*(b*)*c', 'a' * 3000000)", 1, 5, "steps" },
	};

	check_failures(row, COUNT(row));
	/* what takes other engines for ever */
	check_script("x = re.search('(a+)+$', 'a' * 1000 + 'b')", "None");
}

static void xm_vars_checks_what_the_command_line_gave(void)
{
	static const char script[] =
		"def vmid_check(var, val):\n"
		"    val = int(val)\n"
		"    if val <= 0:\n"
		"        raise ValueError\n"
		"    return val\n"
		"xm_vars.var('vmid',\n"
		"            use=\"Virtual machine ID. Integer greater than 0.\",\n"
		"            check=vmid_check)\n"
		"xm_vars.check()\n"
		"x = 'phy:sda%d,sda1,w' % (7+vmid)\n";
	static const struct { const char *vmid, *error; } row[] = {
		{ "3", NULL },
		{ NULL, "vmid - int() argument must be a string or a number, not 'NoneType'" },
		{ "x", "vmid - invalid literal for int() with base 10: 'x'" },
		{ "0", "vmid - " },
	};

	for (size_t i = 0; i < COUNT(row); i++) {
		struct eval *e = eval_new(NULL);
		struct eval_error err;

		if (row[i].vmid)
			CHECK_EQ(eval_define(e, "vmid", row[i].vmid), 0);
		CHECK_EQ(eval_run(e, script, strlen(script), &err), row[i].error ? -EINVAL : 0);
		if (row[i].error) {
			CHECK_STR(err.text, row[i].error);
			CHECK(strstr(err.hint, "Integer greater than 0"));
		} else {
			CHECK_STR(eval_get(e, "x")->text, "phy:sda10,sda1,w");
			CHECK_EQ(eval_get(e, "vmid")->number, 3);
		}
		eval_free(e);
	}
}

static void syntax_errors_say_where_and_what_was_expected(void)
{
	static const struct failure row[] = {
		{ "x = ", 1, 5, "expected a value, found the end of the line" },
		{ "x = 1\ny = [1, 2\nz = 3\n", 3, 1, "expected ',' or ']', found 'z'" },
		{ "x = (1", 1, 7, "expected ',' or ')', found the end of the file" },
		{ "x = 'abc\ny = 1", 1, 5, "expected the string to end with ' before the line ends" },
		{ "x = '''abc", 1, 5, "three '" },
		{ "x = 1\n  y = 2\nif", 2, 3, "expected no indentation" },
		{ "if 1:\nx = 1", 2, 1, "expected an indented block" },
		{ "if 1:\n    x = 1\n  y = 2", 3, 3, "expected the indentation of a block that is open" },
		{ "if 1\n  x = 1", 1, 5, "expected ':', found the end of the line" },
		{ "x = 1 2", 1, 7, "expected the end of the line, found 2" },
		{ "full-screen = 1", 1, 5, "expected a variable's name" },
		{ "1 = 2", 1, 1, "expected a variable's name" },
		{ "f() = 2", 1, 1, "expected a variable's name" },
		{ "x = $y", 1, 5, "'$' is not part of the language" },
		{ "x = \001", 1, 5, "byte 0x01" },
		{ "class A: pass", 1, 1, "'class' is not part of the configuration language" },
		{ "exec 'x = 1'", 1, 1, "'exec' is not part of" },
		{ "with a: pass", 1, 1, "'with' is not part of" },
		{ "x = 0x", 1, 5, "'0x' is not a number" },
		{ "x = 12abc", 1, 5, "'12abc' is not a number" },
		{ "x = '\\xzz'", 1, 7, "hexadecimal" },
		{ "x = '\\0'", 1, 7, "NUL" },
		{ "def f(a=1, b): pass", 1, 13, "expected a default value" },
		{ "f(a=1, 2)", 1, 8, "expected KEY=VALUE" },
		{ "x = {'a' 1}", 1, 10, "expected ':'" },
		{ "x = a[", 1, 7, "expected a value" },
		{ "x = a[]", 1, 7, "expected an index" },
		{ "import 5", 1, 8, "a module's name" },
		{ "try:\n  x = 1\ny = 2", 3, 1, "'except' or 'finally'" },
		{ "x = 1 if 2", 1, 11, "expected 'else'" },
		{ "for in x: pass", 1, 5, "expected a value, found 'in'" },
	};

	check_failures(row, COUNT(row));
}

static void syntax_errors_show_their_line(void)
{
	static const char script[] = "a = 1\n\tb = = 2  # what\nc = 3\n";
	struct eval *e = eval_new(NULL);
	struct eval_error err;

	CHECK_EQ(eval_run(e, script, strlen(script), &err), -EINVAL);
	CHECK(err.is_syntax);
	CHECK_STR(err.source, "\tb = = 2  # what");
	CHECK(!eval_get(e, "a"));	/* nothing ran */
	eval_free(e);
}

static void errors_while_running_use_pythons_words(void)
{
	static const struct failure row[] = {
		{ "y = 1\nx = foo", 2, 5, "name 'foo' is not defined" },
		{ "x = 'a' + 1", 1, 9, "cannot concatenate 'str' and 'int' objects" },
		{ "x = 1 + 'a'", 1, 7, "cannot concatenate 'int' and 'str' objects" },
		{ "x = [] - 1", 1, 8, "unsupported operand type(s) for -: 'list' and 'int'" },
		{ "x = [1][5]", 1, 9, "list index out of range" },
		{ "x = {}['a']", 1, 8, "'a'" },
		{ "x = 'a'.nope()", 1, 5, "'str' object has no attribute 'nope'" },
		{ "x = os.nope", 1, 5, "'module' object has no attribute 'nope'" },
		{ "x = 5()", 1, 5, "'int' object is not callable" },
		{ "x = int('zz')", 1, 5, "invalid literal for int() with base 10: 'zz'" },
		{ "x = len(5)", 1, 5, "object of type 'int' has no len()" },
		{ "for i in 5: pass", 1, 10, "'int' object is not iterable" },
		{ "a, b = 1,", 1, 1, "need more than 1 values to unpack" },
		{ "a, b = 1, 2, 3", 1, 1, "too many values to unpack" },
		{ "import subprocess", 1, 8, "No module named subprocess" },
		{ "def f(a): pass\nf()", 2, 1, "needs a value for 'a'" },
		{ "def f(a): pass\nf(1, 2)", 2, 1, "takes 1 arguments (2 given)" },
		{ "def f(a): pass\nf(1, b=2)", 2, 1, "unexpected keyword" },
		{ "def f(a): pass\nf(1, a=2)", 2, 1, "multiple values" },
		{ "raise ValueError, 'why not'", 1, 1, "why not" },
		{ "raise ValueError", 1, 1, "ValueError" },
		{ "assert 0, 'checked'", 1, 1, "checked" },
		{ "x = 'a' < 1", 1, 9, "no order" },
		{ "x = {[]: 1}", 1, 6, "unhashable type: 'list'" },
		{ "return 1", 1, 1, "'return' outside function" },
		{ "break", 1, 1, "'break' outside loop" },
		{ "x = 'abc'\nx[0] = 'd'", 2, 1, "does not support item assignment" },
		{ "x = ','.join([1])", 1, 5, "sequence item 0: expected string, int found" },
	};

	check_failures(row, COUNT(row));
}

static void nothing_is_opened_or_executed(void)
{
	static const struct failure row[] = {
		{ "x = open('/etc/passwd')", 1, 5, "not available" },
		{ "x = file('/etc/passwd').read()", 1, 5, "not available" },
		{ "import os\nos.system('true')", 2, 1, "not available" },
		{ "import os\nos.popen('true')", 2, 1, "not available" },
		{ "eval('1')", 1, 1, "not available" },
		{ "execfile('/etc/passwd')", 1, 1, "not available" },
		{ "__import__('os')", 1, 1, "not available" },
		{ "import commands", 1, 8, "No module named commands" },
		{ "x = ''.__class__", 1, 5, "no attribute '__class__'" },
		{ "get_defaultroute()", 1, 1, "not known" },
		{ "try:\n  open('/x')\nexcept:\n  x = 1", 2, 3, "not available" },
	};

	check_failures(row, COUNT(row));
}

static void effort_is_bounded(void)
{
	static const struct failure row[] = {
		{ "while 1: pass", 1, 7, "steps" },
		{ "def f(): return f()\nf()", 1, 17, "deep" },
		{ "x = 'a'\nwhile 1: x += x", 2, 12, "" },
		{ "x = [0]\nwhile 1: x += x", 2, 10, "" },
		{ "x = 'a' * 999999999", 1, 9, "too long" },
		{ "x = ['a'] * 999999999", 1, 11, "too long" },
		{ "x = range(99999999)", 1, 5, "" },
		{ "x = []\nx.append(x)\ny = str(x)", 3, 5, "deep" },
		{ "x = []\nx.append(x)\ny = []\ny.append(y)\nz = x == y", 2, 1, "deep" },
		{ "try:\n  while 1: pass\nexcept:\n  x = 1", 2, 9, "steps" },
	};

	for (size_t i = 0; i < COUNT(row); i++) {
		struct eval *e = eval_new(NULL);
		struct eval_error err;

		CHECK_EQ(eval_run(e, row[i].script, strlen(row[i].script), &err), -EINVAL);
		if (!strstr(err.text, row[i].text))
			printf("# %s: %s\n", row[i].script, err.text);
		CHECK(strstr(err.text, row[i].text));
		eval_free(e);
	}
}

/* `open` repeated, then `close` repeated: brackets, blocks, signs … */
static void check_deep(const char *open, const char *close, size_t count, const char *error)
{
	size_t n = strlen(open), m = strlen(close);
	char *text = malloc(count * (n + m) + 10), *at = text;
	struct eval *e = eval_new(NULL);
	struct eval_error err;

	at += sprintf(at, "x = ");
	for (size_t i = 0; i < count; i++, at += n)
		memcpy(at, open, n);
	*at++ = '1';
	for (size_t i = 0; i < count; i++, at += m)
		memcpy(at, close, m);
	CHECK_EQ(eval_run(e, text, (size_t)(at - text), &err), -EINVAL);
	if (!strstr(err.text, error))
		printf("# %s: %s\n", open, err.text);
	CHECK(strstr(err.text, error));
	eval_free(e);
	free(text);
}

static void nesting_beyond_all_sense_is_refused(void)
{
	check_deep("[", "]", 100000, "deep");
	check_deep("(", ")", 100000, "deep");
	check_deep("{1:", "}", 100000, "deep");
	check_deep("-", "", 100000, "deep");
	check_deep("not ", "", 100000, "deep");
	check_deep("2**", "", 100000, "deep");
	check_deep("lambda: ", "", 100000, "deep");
	check_deep("1+", "", 100000, "deep");
	check_deep("f(", ")", 100000, "deep");
	check_deep("1 if 1 else ", "", 100000, "deep");
}

static void xl_files_need_no_indentation(void)
{
	check_script("  name = 'a';\n\tx = [ 'p',\n 'q', ];\n", "['p', 'q']");
	check_script("x=\"a\"; y = 5;", "a");
	check_script("x = [ [ 'pnode=0', 'size=512' ],\n [ 'b' ] ]\n", "[['pnode=0', 'size=512'], ['b']]");
}

struct seen {
	char names[100];
	char read[100];
};

static bool see(void *context, const char *name, const struct eval_value *value, bool is_read)
{
	struct seen *seen = context;

	strcat(strcat(seen->names, name), " ");
	if (is_read)
		strcat(strcat(seen->read, name), " ");
	return true;
}

static void variables_are_visited_in_order_of_assignment(void)
{
	static const char script[] = "b = 1\na = b\ndel b\nc = 2\nb = 3\nimport os\n";
	struct eval *e = eval_new(NULL);
	struct seen seen = { "", "" };
	struct eval_error err;

	CHECK_EQ(eval_run(e, script, strlen(script), &err), 0);
	eval_each(e, see, &seen);
	CHECK_STR(seen.names, "b a c os ");
	CHECK_STR(seen.read, "b ");
	eval_free(e);
}

static void values_remember_where_they_stand(void)
{
	static const char script[] = "a = 1\nb = [ 'x',\n      'y' + 'z' ]\nc = b[1]\n";
	struct eval *e = eval_new(NULL);
	struct eval_error err;

	CHECK_EQ(eval_run(e, script, strlen(script), &err), 0);
	CHECK_EQ(eval_get(e, "b")->where.line, 2);
	CHECK_EQ(eval_get(e, "b")->where.column, 5);
	CHECK_EQ(eval_get(e, "b")->items->item[0]->where.column, 7);
	CHECK_EQ(eval_get(e, "c")->where.line, 3);
	CHECK_EQ(eval_get(e, "c")->where.column, 7);
	eval_free(e);
}

static void printing_goes_where_it_is_told(void)
{
	static const char script[] = "print 'a', 1,\nprint [2]\nprint\n";
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);
	struct eval *e = eval_new(out);
	struct eval_error err;

	CHECK_EQ(eval_run(e, script, strlen(script), &err), 0);
	fclose(out);
	CHECK_STR(text, "a 1 [2]\n\n");
	free(text);
	eval_free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(strings_come_in_every_quoting),
		TEST(numbers_are_read_as_python_reads_them),
		TEST(arithmetic_follows_python_two),
		TEST(integer_overflow_is_an_error),
		TEST(comparisons_and_logic),
		TEST(formatting_is_printf),
		TEST(bad_formats_are_refused),
		TEST(lists_tuples_and_dicts),
		TEST(string_methods),
		TEST(builtin_functions),
		TEST(statements_do_what_they_say),
		TEST(modules_offer_the_calls_of_the_examples),
		TEST(regular_expressions_match_as_pythons),
		TEST(regular_expressions_are_bounded),
		TEST(xm_vars_checks_what_the_command_line_gave),
		TEST(syntax_errors_say_where_and_what_was_expected),
		TEST(syntax_errors_show_their_line),
		TEST(errors_while_running_use_pythons_words),
		TEST(nothing_is_opened_or_executed),
		TEST(effort_is_bounded),
		TEST(nesting_beyond_all_sense_is_refused),
		TEST(xl_files_need_no_indentation),
		TEST(variables_are_visited_in_order_of_assignment),
		TEST(values_remember_where_they_stand),
		TEST(printing_goes_where_it_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
