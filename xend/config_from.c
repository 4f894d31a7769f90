/* The domain model from S-expressions: a job's (vm …), a managed domain's (domain …). */
#include "xend/config_build.h"

#include <stdlib.h>
#include <string.h>

static struct config_where from_where(const struct sxp *s)
{
	return (struct config_where){ s->line, s->column };
}

/* ---- variables ---- */

static int from_items(struct config_build *b, enum config_id id, const struct sxp *list)
{
	struct config_value *value = &b->c->var[id];
	int rc = 0;

	config_value_clear(value);
	value->is_set = true;
	value->origin = CONFIG_FROM_SXP;
	for (size_t i = 0; rc == 0 && i < list->count; i++) {
		const char *text = sxp_text(list->item[i]);

		rc = text ? config_add_item(b, value, text, from_where(list->item[i])) :
			config_fail(b, from_where(list->item[i]), "expected a word",
				    "Invalid value: %s", config_vars[id].name);
	}
	return rc;
}

/* (name value); lists as (name (a b)). */
static int from_value(struct config_build *b, enum config_id id, const struct sxp *child)
{
	const struct sxp *value = child->count > 1 ? child->item[1] : NULL;
	enum config_type type = config_vars[id].type;

	if (value && value->is_list) {
		if (type == CONFIG_LIST)
			return from_items(b, id, value);
		return config_fail(b, from_where(value), "expected one value, not a list",
				   "Invalid value: %s", config_vars[id].name);
	}
	return config_set_text(b, id, value ? value->text : "", CONFIG_FROM_SXP, from_where(child));
}

/* (cpus 0-3) or (cpus ((0 1) (2))): a list for each vcpu. */
static int from_cpus(struct config_build *b, const struct sxp *child)
{
	const struct sxp *all = child->count > 1 ? child->item[1] : NULL;
	struct config_value *value = &b->c->var[CONFIG_CPUS];

	if (!all || !all->is_list)
		return from_value(b, CONFIG_CPUS, child);
	config_value_clear(value);
	value->is_set = all->count > 0;
	value->origin = CONFIG_FROM_SXP;
	for (size_t v = 0; v < all->count; v++) {
		const struct sxp *one = all->item[v];
		char text[2048] = "";
		size_t n = 0;
		int rc;

		if (!one->is_list && one->length < sizeof(text))
			strcpy(text, one->text);
		for (size_t i = 0; one->is_list && i < one->count; i++) {
			const char *cpu = sxp_text(one->item[i]);

			if (!cpu || strlen(cpu) > 8 || n + 10 > sizeof(text))
				return config_fail(b, from_where(one), "expected numbers of CPUs",
						   "Invalid value: cpus");
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", i ? "," : "", cpu);
		}
		rc = config_add_item(b, value, text, from_where(one));
		if (rc)
			return rc;
	}
	return 0;
}

/* ---- (image (linux (kernel …) …)) ---- */

/* IP:SERVER:GATEWAY:NETMASK:HOSTNAME:INTERFACE:DHCP */
static int from_ip(struct config_build *b, const struct sxp *child)
{
	static const enum config_id id[] = { CONFIG_IP, CONFIG_NFS_SERVER, CONFIG_GATEWAY,
		CONFIG_NETMASK, CONFIG_HOSTNAME, CONFIG_INTERFACE, CONFIG_DHCP };
	const char *text = child->count > 1 ? sxp_text(child->item[1]) : "";
	char part[256];
	int rc = 0;

	for (size_t i = 0; i < 7 && text && rc == 0; i++) {
		size_t n = strcspn(text, ":");

		if (n >= sizeof(part))
			return config_fail(b, from_where(child), "too long", "Invalid value: ip");
		memcpy(part, text, n);
		part[n] = '\0';
		if (i != 1 || strcmp(part, "1.2.3.4"))
			rc = config_set_text(b, id[i], part, CONFIG_FROM_SXP, from_where(child));
		text = text[n] ? text + n + 1 : NULL;
	}
	return rc;
}

static int from_image_child(struct config_build *b, const struct sxp *child)
{
	const char *head = sxp_head(child);
	int id;

	if (!head || !strcmp(head, "pci") || !strcmp(head, "notes"))
		return 0;
	if (!strcmp(head, "ip"))
		return from_ip(b, child);
	if (!strcmp(head, "args"))
		return from_value(b, CONFIG_EXTRA, child);
	id = config_var_find(head);
	return id < 0 ? 0 : from_value(b, (enum config_id)id, child);
}

static int from_image(struct config_build *b, const struct sxp *child)
{
	const struct sxp *image = child->count > 1 ? child->item[1] : NULL;
	int rc;

	if (!sxp_head(image))
		return config_fail(b, from_where(child), "expected (image (linux …)) or (image (hvm …))",
				   "Invalid value: image");
	rc = config_set_text(b, CONFIG_BUILDER, sxp_head(image), CONFIG_FROM_SXP, from_where(child));
	for (size_t i = 1; rc == 0 && i < image->count; i++)
		rc = from_image_child(b, image->item[i]);
	return rc;
}

/* ---- devices and the rest ---- */

static int from_pairs(struct config_build *b, const struct sxp *s, const char *class)
{
	struct config_device *d = config_device_add(b->c, class, from_where(s));

	if (!d)
		return config_no_memory(b);
	for (size_t i = 1; i < s->count; i++) {
		const struct sxp *pair = s->item[i];
		const char *key = sxp_head(pair);
		const char *value = key && pair->count > 1 ? sxp_text(pair->item[1]) : "";

		if (key && value && config_device_set(d, key, value))
			return config_no_memory(b);
	}
	return 0;
}

static int from_device(struct config_build *b, const struct sxp *child)
{
	const struct sxp *s = child->count > 1 ? child->item[1] : NULL;
	const char *head = sxp_head(s), *class = head ? config_class_find(head) : NULL;
	int rc = 0;

	if (!class)
		return config_fail(b, from_where(child), "expected (device (CLASS (KEY VALUE) …))",
				   "Invalid device: %s", head ? head : "no class");
	if (strcmp(class, "pci"))
		return from_pairs(b, s, class);
	for (size_t i = 1; rc == 0 && i < s->count; i++)
		if (sxp_head(s->item[i]) && !strcmp(sxp_head(s->item[i]), "dev"))
			rc = from_pairs(b, s->item[i], class);
	return rc;
}

static int from_backend(struct config_build *b, const struct sxp *child)
{
	static const struct { const char *name; enum config_id id; } row[] = {
		{ "blkif", CONFIG_BLKIF }, { "netif", CONFIG_NETIF }, { "tpmif", CONFIG_TPMIF },
	};
	const char *head = child->count > 1 ? sxp_head(child->item[1]) : NULL;

	for (size_t i = 0; head && i < 3; i++)
		if (!strcmp(row[i].name, head))
			return config_set_text(b, row[i].id, "1", CONFIG_FROM_SXP, from_where(child));
	return 0;
}

static int from_security(struct config_build *b, const struct sxp *child)
{
	const struct sxp *label = child->count > 1 ? sxp_child(child->item[1], "access_control") : NULL;
	const char *policy = sxp_child_text(label, "policy"), *name = sxp_child_text(label, "label");

	if (!policy || !name || b->c->security_policy)
		return 0;
	b->c->security_policy = strdup(policy);
	b->c->security_label = strdup(name);
	return b->c->security_policy && b->c->security_label ? 0 : config_no_memory(b);
}

static int from_params(struct config_build *b, const struct sxp *child)
{
	const struct sxp *params = child->count > 1 ? child->item[1] : NULL;
	const char *cap = sxp_child_text(params, "cap"), *weight = sxp_child_text(params, "weight");
	int rc = 0;

	if (cap)
		rc = config_set_text(b, CONFIG_CPU_CAP, cap, CONFIG_FROM_SXP, from_where(child));
	if (weight && rc == 0)
		rc = config_set_text(b, CONFIG_CPU_WEIGHT, weight, CONFIG_FROM_SXP,
				     from_where(child));
	return rc;
}

static int from_bootargs(struct config_build *b, const struct sxp *child)
{
	return from_value(b, CONFIG_BOOTARGS, child);
}

static int from_pool(struct config_build *b, const struct sxp *child)
{
	return from_value(b, CONFIG_POOL, child);
}

static const struct {
	const char *head;
	int (*take)(struct config_build *b, const struct sxp *child);
} from_rows[] = {
	{ "image", from_image }, { "device", from_device }, { "backend", from_backend },
	{ "security", from_security }, { "vcpus_params", from_params }, { "cpus", from_cpus },
	{ "bootloader_args", from_bootargs }, { "pool_name", from_pool },
};

/* Children that are nobody's (domid, state, …) say what is running, not what is wanted. */
static int from_child(struct config_build *b, const struct sxp *child)
{
	const char *head = sxp_head(child);
	int id;

	for (size_t i = 0; head && i < sizeof(from_rows) / sizeof(from_rows[0]); i++)
		if (!strcmp(from_rows[i].head, head))
			return from_rows[i].take(b, child);
	id = head ? config_var_find(head) : -1;
	if (id < 0 || (config_vars[id].type == CONFIG_LIST && id != CONFIG_CPUID &&
		       id != CONFIG_CPUID_CHECK))
		return 0;		/* devices come as (device …) */
	return from_value(b, (enum config_id)id, child);
}

int config_from_sxp(struct config *c, const struct sxp *s, struct config_error *err)
{
	struct config_build b = { .c = c, .err = err };
	const char *head = sxp_head(s);
	int rc = 0;

	memset(c, 0, sizeof(*c));
	memset(err, 0, sizeof(*err));
	c->option = (struct config_options){ -1, -1, -1, -1, -1, -1, -1 };
	if (!head || (strcmp(head, "vm") && strcmp(head, "domain")))
		return config_fail(&b, s ? from_where(s) : config_nowhere,
				   "expected (vm …) or (domain …)",
				   "Invalid domain configuration: %.100s", head ? head : "no list");
	for (size_t i = 1; rc == 0 && i < s->count; i++)
		rc = from_child(&b, s->item[i]);
	if (rc)
		config_free(c);
	return rc;
}
