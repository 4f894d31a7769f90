/*
 * A plugin of QEMU's that counts the hypervisor's instructions, by where they are: Xen's ABI gives it the
 * addresses from HYPERVISOR_VIRT_START to HYPERVISOR_VIRT_END.  When a mark is ended it writes a line: the
 * mark, the hypervisor's instructions since it began, everybody's.  out=FILE says where.
 *
 * Debian has no package with QEMU's plugin header; what is declared here is its interface, version 1
 * (https://www.qemu.org/docs/master/devel/tcg-plugins.html).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <xen/xen.h>
#include "marks.h"

struct qemu_plugin_tb;
typedef void translated_fn(uint64_t id, struct qemu_plugin_tb *tb);
typedef void executed_fn(unsigned int cpu, void *data);
enum { CALLBACK_READS_NO_REGISTERS, INLINE_ADD_U64 = 0 };

void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, translated_fn *fn);
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *tb, int op, void *to, uint64_t n);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, executed_fn *fn, int flags, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);

#define EXPORT __attribute__((visibility("default")))
EXPORT extern int qemu_plugin_version;
EXPORT int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv);

int qemu_plugin_version = 1;

struct counts {
	uint64_t hypervisor, all;
};

static struct counts now, began;
static uintptr_t mark;		/* the one that has begun, or 0 */
static FILE *out;

static void mark_executed(unsigned int cpu, void *data)
{
	if (mark && !data) {
		fprintf(out, "%zu %llu %llu\n", (size_t)mark,
			(unsigned long long)(now.hypervisor - began.hypervisor),
			(unsigned long long)(now.all - began.all));
		fflush(out);
	}
	mark = (uintptr_t)data;
	began = now;
}

static void translated(uint64_t id, struct qemu_plugin_tb *tb)
{
	uint64_t at = qemu_plugin_tb_vaddr(tb), n = qemu_plugin_tb_n_insns(tb);

	qemu_plugin_register_vcpu_tb_exec_inline(tb, INLINE_ADD_U64, &now.all, n);
	if (at >= HYPERVISOR_VIRT_START && at < HYPERVISOR_VIRT_END)
		qemu_plugin_register_vcpu_tb_exec_inline(tb, INLINE_ADD_U64, &now.hypervisor, n);
	if (at >= MARKS_AT && at < MARKS_AT + MARKS * MARK_SIZE && at % MARK_SIZE == 0)
		qemu_plugin_register_vcpu_tb_exec_cb(tb, mark_executed, CALLBACK_READS_NO_REGISTERS,
						     (void *)((at - MARKS_AT) / MARK_SIZE));
}

int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		if (!strncmp(argv[i], "out=", 4))
			out = fopen(argv[i] + 4, "w");
	if (!out) {
		fputs("share: it takes out=FILE, a file that can be written\n", stderr);
		return -1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
