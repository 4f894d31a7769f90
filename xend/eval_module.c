/* The modules that a configuration may import, with the calls that need no file and no program:
 * os, os.path, re, sys, string, math, socket, xen.util.ip; and xm_vars. */
#include "xend/eval_run.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <math.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

extern char **environ;

static struct eval_value *eval_cstring(struct eval *e, struct eval_where where, const char *text)
{
	return eval_string(e, where, text, strlen(text));
}

static struct eval_value *module_refuse(struct eval *e, struct eval_call *call)
{
	eval_raise(e, call->where, NULL, "this function is not available in a configuration");
	eval_hint(e, "a configuration can compute values, but not execute or open anything");
	return NULL;
}

/* ---- os ---- */

static struct eval_value *os_uname(struct eval *e, struct eval_call *call)
{
	struct eval_value *tuple = eval_sequence(e, EVAL_TUPLE, call->where, 5), *v;
	struct utsname u;
	const char *field[5] = { u.sysname, u.nodename, u.release, u.version, u.machine };

	if (!tuple)
		return NULL;
	if (uname(&u))
		return eval_raise(e, call->where, "OSError", "uname failed");
	for (size_t i = 0; i < 5; i++) {
		v = eval_cstring(e, call->where, field[i]);
		if (!v || !eval_append(e, tuple, v))
			return NULL;
	}
	return tuple;
}

static struct eval_value *os_getenv(struct eval *e, struct eval_call *call)
{
	const struct eval_value *name = eval_arg_text(e, call, 0);
	const char *text = name ? getenv(name->text) : NULL;

	if (!name)
		return NULL;
	return text ? eval_cstring(e, call->where, text) :
		call->args > 1 ? call->arg[1] : eval_none(e, call->where);
}

static struct eval_value *os_getcwd(struct eval *e, struct eval_call *call)
{
	char path[4096];

	return eval_cstring(e, call->where, getcwd(path, sizeof(path)) ? path : "/");
}

static struct eval_value *os_environ(struct eval *e, struct eval_where where)
{
	struct eval_value *d = eval_sequence(e, EVAL_DICT, where, 0), *name, *value;

	for (char **v = environ; d && v && *v; v++) {
		const char *equals = strchr(*v, '=');

		if (!equals)
			continue;
		name = eval_string(e, where, *v, (size_t)(equals - *v));
		value = name ? eval_cstring(e, where, equals + 1) : NULL;
		if (!value || !eval_dict_set(e, d, name, value))
			return NULL;
	}
	return d;
}

/* ---- os.path: what a path says, and whether something is there; nothing is opened ---- */

static struct eval_value *path_has_mode(struct eval *e, struct eval_call *call, mode_t mode)
{
	const struct eval_value *path = eval_arg_text(e, call, 0);
	struct stat st;

	if (!path || !eval_charge(e, call->where, 100))
		return NULL;
	return eval_bool(e, call->where, !stat(path->text, &st) &&
			 (!mode || (st.st_mode & S_IFMT) == mode));
}

static struct eval_value *path_exists(struct eval *e, struct eval_call *call)
{
	return path_has_mode(e, call, 0);
}

static struct eval_value *path_isfile(struct eval *e, struct eval_call *call)
{
	return path_has_mode(e, call, S_IFREG);
}

static struct eval_value *path_isdir(struct eval *e, struct eval_call *call)
{
	return path_has_mode(e, call, S_IFDIR);
}

static struct eval_value *path_basename(struct eval *e, struct eval_call *call)
{
	const struct eval_value *path = eval_arg_text(e, call, 0);
	const char *slash = path ? strrchr(path->text, '/') : NULL;

	return path ? eval_cstring(e, call->where, slash ? slash + 1 : path->text) : NULL;
}

static struct eval_value *path_dirname(struct eval *e, struct eval_call *call)
{
	const struct eval_value *path = eval_arg_text(e, call, 0);
	const char *slash = path ? strrchr(path->text, '/') : NULL;

	if (!path)
		return NULL;
	while (slash && slash > path->text && slash[-1] == '/')
		slash--;
	return eval_string(e, call->where, path->text, !slash ? 0 : slash == path->text ? 1 :
			   (size_t)(slash - path->text));
}

static struct eval_value *path_join(struct eval *e, struct eval_call *call)
{
	struct eval_out out = { e, call->where };

	for (size_t i = 0; i < call->args; i++) {
		const struct eval_value *part = eval_arg_text(e, call, i);

		if (!part)
			return NULL;
		if (part->text[0] == '/')
			out.length = 0;
		else if (out.length && out.text[out.length - 1] != '/')
			eval_puts(&out, "/");
		eval_put(&out, part->text, part->length);
		if (out.failed)
			return NULL;
	}
	return eval_take(&out);
}

static struct eval_value *path_splitext(struct eval *e, struct eval_call *call)
{
	const struct eval_value *path = eval_arg_text(e, call, 0);
	struct eval_value *tuple = path ? eval_sequence(e, EVAL_TUPLE, call->where, 2) : NULL, *v;
	const char *name, *dot;
	size_t stem;

	if (!tuple)
		return NULL;
	name = strrchr(path->text, '/');
	name = name ? name + 1 : path->text;
	dot = strrchr(name, '.');
	stem = dot && dot > name ? (size_t)(dot - path->text) : path->length;
	v = eval_string(e, call->where, path->text, stem);
	if (!v || !eval_append(e, tuple, v))
		return NULL;
	v = eval_cstring(e, call->where, path->text + stem);
	return v && eval_append(e, tuple, v) ? tuple : NULL;
}

/* ---- re ---- */

static struct eval_value *re_find(struct eval *e, struct eval_call *call, unsigned how)
{
	const struct eval_value *pattern = eval_arg_text(e, call, 0);
	const struct eval_value *subject = pattern ? eval_arg_text(e, call, 1) : NULL;
	struct eval_match *match = subject ? eval_alloc(e, sizeof(*match)) : NULL;
	struct eval_value *v;
	int64_t flags = 0;
	int rc;

	if (!match || (call->args > 2 && !eval_arg_int(e, call, 2, &flags)))
		return NULL;
	rc = eval_re_search(e, call->where, pattern, subject,
			    how | (flags & EVAL_RE_NOCASE), 0, match);
	if (rc < 1)
		return rc < 0 ? NULL : eval_none(e, call->where);
	v = eval_new_value(e, EVAL_MATCH, call->where);
	if (v)
		v->what = match;
	return v;
}

static struct eval_value *re_search(struct eval *e, struct eval_call *call)
{
	return re_find(e, call, 0);
}

static struct eval_value *re_match(struct eval *e, struct eval_call *call)
{
	return re_find(e, call, EVAL_RE_ANCHORED);
}

/* re.sub(pattern, text, subject): the text is taken as it is. */
static struct eval_value *re_sub(struct eval *e, struct eval_call *call)
{
	const struct eval_value *pattern = eval_arg_text(e, call, 0);
	const struct eval_value *with = pattern ? eval_arg_text(e, call, 1) : NULL;
	const struct eval_value *subject = with ? eval_arg_text(e, call, 2) : NULL;
	struct eval_out out = { e, call->where };
	struct eval_match match;
	size_t at = 0;
	int rc;

	if (!subject)
		return NULL;
	if (strchr(with->text, '\\'))
		return eval_raise(e, call->where, "ValueError",
				  "re.sub() takes no backslashes in the new text");
	while (at <= subject->length) {
		rc = eval_re_search(e, call->where, pattern, subject, 0, at, &match);
		if (rc < 0)
			return NULL;
		if (!rc)
			break;
		eval_put(&out, subject->text + at, (size_t)match.group[0].start - at);
		eval_put(&out, with->text, with->length);
		at = (size_t)match.group[0].end;
		if (match.group[0].end == match.group[0].start) {	/* go past an empty match */
			if (at < subject->length)
				eval_put(&out, subject->text + at, 1);
			at++;
		}
	}
	if (at < subject->length)
		eval_put(&out, subject->text + at, subject->length - at);
	return eval_take(&out);
}

static struct eval_value *re_flag(struct eval *e, struct eval_where where)
{
	return eval_int(e, where, EVAL_RE_NOCASE);
}

/* ---- socket, sys, math ---- */

static struct eval_value *socket_gethostname(struct eval *e, struct eval_call *call)
{
	char name[256] = "";

	gethostname(name, sizeof(name) - 1);
	return eval_cstring(e, call->where, name);
}

static struct eval_value *sys_platform(struct eval *e, struct eval_where where)
{
	return eval_cstring(e, where, "linux2");
}

static struct eval_value *sys_maxint(struct eval *e, struct eval_where where)
{
	return eval_int(e, where, INT64_MAX);
}

static struct eval_value *sys_argv(struct eval *e, struct eval_where where)
{
	struct eval_value *list = eval_sequence(e, EVAL_LIST, where, 1);
	struct eval_value *xm = list ? eval_cstring(e, where, "xm") : NULL;

	return xm && eval_append(e, list, xm) ? list : NULL;
}

static struct eval_value *sys_stream(struct eval *e, struct eval_where where)
{
	return eval_none(e, where);	/* only good for print >>sys.stderr */
}

static struct eval_value *math_floor(struct eval *e, struct eval_call *call)
{
	return eval_is_number(call->arg[0]) ?
		eval_float(e, call->where, floor(eval_real(call->arg[0]))) :
		eval_type_error(e, call->where, "a float is required");
}

static struct eval_value *math_ceil(struct eval *e, struct eval_call *call)
{
	return eval_is_number(call->arg[0]) ?
		eval_float(e, call->where, ceil(eval_real(call->arg[0]))) :
		eval_type_error(e, call->where, "a float is required");
}

/* ---- xen.util.ip ---- */

/* A dotted address; false with the error. */
static bool ip_parse(struct eval *e, const struct eval_call *call, size_t position, uint32_t *ip)
{
	const struct eval_value *text = eval_arg_text(e, call, position);
	struct in_addr in;

	if (!text)
		return false;
	if (inet_pton(AF_INET, text->text, &in) != 1)
		return eval_raise(e, call->where, "ValueError",
				  "expected an address such as 10.0.0.1, found '%.60s'", text->text);
	*ip = ntohl(in.s_addr);
	return true;
}

static struct eval_value *ip_string(struct eval *e, struct eval_where where, uint32_t ip)
{
	char text[16];

	snprintf(text, sizeof(text), "%u.%u.%u.%u", ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255);
	return eval_cstring(e, where, text);
}

static struct eval_value *ip_inet_aton(struct eval *e, struct eval_call *call)
{
	uint32_t ip;

	return ip_parse(e, call, 0, &ip) ? eval_int(e, call->where, ip) : NULL;
}

static struct eval_value *ip_inet_ntoa(struct eval *e, struct eval_call *call)
{
	int64_t n;

	return eval_arg_int(e, call, 0, &n) ? ip_string(e, call->where, (uint32_t)n) : NULL;
}

static struct eval_value *ip_add_offset(struct eval *e, struct eval_call *call)
{
	uint32_t ip;
	int64_t n;

	if (!ip_parse(e, call, 0, &ip) || !eval_arg_int(e, call, 1, &n))
		return NULL;
	return ip_string(e, call->where, ip + (uint32_t)n);
}

static struct eval_value *ip_check_subnet(struct eval *e, struct eval_call *call)
{
	uint32_t ip, network, mask;

	if (!ip_parse(e, call, 0, &ip) || !ip_parse(e, call, 1, &network) ||
	    !ip_parse(e, call, 2, &mask))
		return NULL;
	return eval_bool(e, call->where, (ip & mask) == (network & mask));
}

/* The address or mask of an interface; '' when it has none. */
static struct eval_value *ip_of_interface(struct eval *e, struct eval_call *call, bool is_mask)
{
	struct eval_value *name = eval_arg(call, 0, "dev"), *v = NULL;
	const char *dev = name && eval_is_string(name) ? name->text : "eth0";
	struct ifaddrs *all, *i;

	if (!eval_charge(e, call->where, 1000) || getifaddrs(&all))
		return e->failed ? NULL : eval_cstring(e, call->where, "");
	for (i = all; i && !v; i = i->ifa_next) {
		const struct sockaddr *sa = is_mask ? i->ifa_netmask : i->ifa_addr;
		struct sockaddr_in in;

		if (!sa || sa->sa_family != AF_INET || strcmp(i->ifa_name, dev))
			continue;
		memcpy(&in, sa, sizeof(in));
		v = ip_string(e, call->where, ntohl(in.sin_addr.s_addr));
	}
	freeifaddrs(all);
	return v || e->failed ? v : eval_cstring(e, call->where, "");
}

static struct eval_value *ip_current_address(struct eval *e, struct eval_call *call)
{
	return ip_of_interface(e, call, false);
}

static struct eval_value *ip_current_mask(struct eval *e, struct eval_call *call)
{
	return ip_of_interface(e, call, true);
}

static struct eval_value *ip_refuse_route(struct eval *e, struct eval_call *call)
{
	eval_raise(e, call->where, NULL, "the default route is not known to a configuration");
	eval_hint(e, "write the gateway's address in its place");
	return NULL;
}

/* ---- xm_vars ---- */

/* xm_vars.var('vmid', use="what it is for", check=function) */
static struct eval_value *vars_var(struct eval *e, struct eval_call *call)
{
	const struct eval_value *name = eval_arg_text(e, call, 0);
	struct eval_value *use = eval_arg(call, 1, "use"), *check = eval_arg(call, 2, "check");
	struct eval_declared *d = name ? eval_alloc(e, sizeof(*d)) : NULL;

	if (!d)
		return NULL;
	d->name = name->text;
	d->use = use && eval_is_string(use) ? use->text : "";
	d->check = check && check->type != EVAL_NONE ? check : NULL;
	*e->declared_end = d;
	e->declared_end = &d->next;
	return eval_none(e, call->where);
}

static void vars_blame(struct eval *e, const struct eval_declared *d)
{
	char text[sizeof(e->error.text)];

	if (!e->exception)		/* a budget is not the variable's fault */
		return;
	snprintf(text, sizeof(text), "%.100s - %.400s", d->name, e->error.text);
	memcpy(e->error.text, text, sizeof(text));
	eval_hint(e, "%.60s: %.120s; set it on the command line: %.40s=…", d->name, d->use, d->name);
}

/* Runs every check with the variable's value as a text, or None; what it gives is the value. */
static struct eval_value *vars_check(struct eval *e, struct eval_call *call)
{
	for (struct eval_declared *d = e->declared; d; d = d->next) {
		struct eval_symbol *s = eval_symbol(e, d->name, strlen(d->name));
		struct eval_value *arg[2], *v;
		struct eval_call check = { .where = call->where, .arg = arg, .args = 2 };

		if (!s)
			return NULL;
		s->is_read = true;
		v = s->value ? eval_to_str(e, call->where, s->value) : eval_none(e, call->where);
		if (v && d->check) {
			arg[0] = eval_cstring(e, call->where, d->name);
			arg[1] = v;
			v = arg[0] ? eval_call_value(e, d->check, &check) : NULL;
			if (!v)
				vars_blame(e, d);
		}
		if (!v || !eval_set_name(e, s, v))
			return NULL;
	}
	return eval_none(e, call->where);
}

/* ---- the table ---- */

static const struct eval_member path_members[] = {
	{ { "exists", path_exists, 1, 1 } }, { { "isfile", path_isfile, 1, 1 } },
	{ { "isdir", path_isdir, 1, 1 } }, { { "basename", path_basename, 1, 1 } },
	{ { "dirname", path_dirname, 1, 1 } }, { { "join", path_join, 1, 64 } },
	{ { "splitext", path_splitext, 1, 1 } }, { { NULL } },
};

static struct eval_value *os_path(struct eval *e, struct eval_where where)
{
	return eval_module_import(e, where, "os.path");
}

static const struct eval_member os_members[] = {
	{ { "uname", os_uname, 0, 0 } }, { { "getenv", os_getenv, 1, 2 } },
	{ { "getcwd", os_getcwd, 0, 0 } },
	{ { "environ" }, os_environ }, { { "path" }, os_path },
	{ { "system", module_refuse, 0, 64 } }, { { "popen", module_refuse, 0, 64 } },
	{ { "listdir", module_refuse, 0, 64 } }, { { "open", module_refuse, 0, 64 } },
	{ { NULL } },
};

static const struct eval_member re_members[] = {
	{ { "search", re_search, 2, 3 } }, { { "match", re_match, 2, 3 } },
	{ { "sub", re_sub, 3, 3 } }, { { "I" }, re_flag }, { { "IGNORECASE" }, re_flag },
	{ { NULL } },
};

static const struct eval_member sys_members[] = {
	{ { "platform" }, sys_platform }, { { "maxint" }, sys_maxint }, { { "argv" }, sys_argv },
	{ { "stderr" }, sys_stream }, { { "stdout" }, sys_stream }, { { NULL } },
};

static const struct eval_member socket_members[] = {
	{ { "gethostname", socket_gethostname, 0, 0 } }, { { NULL } },
};

static const struct eval_member math_members[] = {
	{ { "floor", math_floor, 1, 1 } }, { { "ceil", math_ceil, 1, 1 } }, { { NULL } },
};

static const struct eval_member ip_members[] = {
	{ { "get_current_ipaddr", ip_current_address, 0, 1 } },
	{ { "get_current_ipmask", ip_current_mask, 0, 1 } },
	{ { "get_current_ipgw", ip_refuse_route, 0, 1 } },
	{ { "get_defaultroute", ip_refuse_route, 0, 0 } },
	{ { "inet_aton", ip_inet_aton, 1, 1 } }, { { "inet_ntoa", ip_inet_ntoa, 1, 1 } },
	{ { "add_offset_to_ip", ip_add_offset, 2, 2 } },
	{ { "check_subnet", ip_check_subnet, 3, 3 } }, { { NULL } },
};

static const struct eval_member vars_members[] = {
	{ { "var", vars_var, 1, 3 } }, { { "check", vars_check, 0, 0 } }, { { NULL } },
};

static const struct eval_member no_members[] = { { { NULL } } };

static const struct eval_module eval_modules[] = {
	{ "os", os_members }, { "os.path", path_members }, { "re", re_members },
	{ "sys", sys_members }, { "socket", socket_members }, { "math", math_members },
	{ "xen.util.ip", ip_members }, { "string", no_members }, { "struct", no_members },
	{ NULL, NULL },
};

static const struct eval_module eval_xm_vars = { "xm_vars", vars_members };

static struct eval_value *eval_module_value(struct eval *e, struct eval_where where,
					    const struct eval_module *m)
{
	struct eval_value *v = eval_new_value(e, EVAL_MODULE, where);

	if (v)
		v->what = m;
	return v;
}

struct eval_value *eval_module_import(struct eval *e, struct eval_where where, const char *name)
{
	for (const struct eval_module *m = eval_modules; m->name; m++)
		if (!strcmp(m->name, name))
			return eval_module_value(e, where, m);
	eval_raise(e, where, "ImportError", "No module named %.200s", name);
	eval_hint(e, "os, os.path, re, sys, socket, math and xen.util.ip can be imported");
	return NULL;
}

struct eval_value *eval_module_get(struct eval *e, struct eval_where where,
				   const struct eval_module *module, const char *name)
{
	struct eval_value *v;

	for (const struct eval_member *row = module->member; row->call.name; row++) {
		if (strcmp(row->call.name, name))
			continue;
		if (row->get)
			return row->get(e, where);
		v = eval_new_value(e, EVAL_BUILTIN, where);
		if (v)
			v->builtin = &row->call;
		return v;
	}
	eval_raise(e, where, "AttributeError", "'module' object has no attribute '%.100s'", name);
	eval_hint(e, "%s.%.60s is not available: a configuration can compute values, but not "
		  "execute or open anything", module->name, name);
	return NULL;
}

static bool eval_predefine_module(struct eval *e, const struct eval_module *m, const char *name)
{
	const struct eval_where nowhere = { 0, 0 };
	struct eval_symbol *s = eval_symbol(e, name, strlen(name));

	return s && (s->value = eval_module_value(e, nowhere, m));
}

/* What xm's scope held before a configuration ran. */
bool eval_modules_define(struct eval *e)
{
	static const char *const known[] = { "os", "re", "sys", "socket", "struct" };
	const struct eval_where nowhere = { 0, 0 };
	struct eval_symbol *s;

	for (const struct eval_module *m = eval_modules; m->name; m++)
		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			if (!strcmp(m->name, known[i]) && !eval_predefine_module(e, m, m->name))
				return false;
	for (const struct eval_member *row = ip_members; row->call.name; row++) {
		s = eval_symbol(e, row->call.name, strlen(row->call.name));
		if (!s || !(s->value = eval_new_value(e, EVAL_BUILTIN, nowhere)))
			return false;
		s->value->builtin = &row->call;
	}
	s = eval_symbol(e, "xm_help", strlen("xm_help"));
	if (!s || !(s->value = eval_int(e, nowhere, 0)))
		return false;
	return eval_predefine_module(e, &eval_xm_vars, "xm_vars");
}
