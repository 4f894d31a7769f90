/* Boot, in order: start reading here.  From boot.S, on the boot CPU, the first 4 GiB mapped, no interrupts. */
#include "acpi.h"
#include "apic.h"
#include "arch.h"
#include "asm.h"
#include "bootinfo.h"
#include "console.h"
#include "cpu_features.h"
#include "desc.h"
#include "heap.h"
#include "ioapic.h"
#include "irq.h"
#include "mm.h"
#include "options.h"
#include "pic.h"
#include "printk.h"
#include "pv_dom0.h"
#include "pv_mm.h"
#include "sched.h"
#include "serial.h"
#include "shutdown.h"
#include "smp.h"
#include "softirq.h"
#include "time.h"
#include "timer.h"
#include "trace.h"
#include "version.h"
#include "watchdog.h"

static struct cpu boot_cpu;

void hv_main(uint32_t magic, uint32_t info);
__attribute__((noreturn)) void stack_start(void *stack, void (*function)(void));	/* entry.S */

static void must(const char *why)
{
	if (why)
		fatal("%s", why);
}

static void memory_map_print(void)
{
	static const char *const names[] = { "?", "RAM", "reserved", "ACPI data", "ACPI NVS", "unusable" };
	const struct e820_map *map = &boot_info.e820;

	for (uint32_t i = 0; i < map->count; i++) {
		const struct e820_entry *e = &map->entry[i];

		printk(LOG_INFO " %016lx-%016lx %s\n", e->start, e->start + e->size - 1,
		       e->type < ARRAY_SIZE(names) ? names[e->type] : "other");
	}
}

/* Interrupt controllers, clocks and the other CPUs. */
static void platform_init(void)
{
	struct cpu *c = this_cpu();

	if (options.acpi && acpi_init())
		printk(LOG_WARN "ACPI: no usable tables; one CPU, no power management\n");
	must(apic_init());
	smp_prepare();
	irq_init(ioapic_find());
	if (irq_cpu_init(c))
		panic("no memory for interrupts");
	pic_init();
	ioapic_init();
	apic_cpu_init(c);
	time_init();
	apic_timer_calibrate();
	shutdown_init();
}

static void scheduler_start(void)
{
	struct cpu *c = this_cpu();

	softirq_set_handler(SOFTIRQ_TIMER, timer_softirq);
	if (timer_cpu_init(c) || domains_init())
		panic("no memory for timers and domains");
	arch_share_tables();
	c->idle = vcpu_new_idle(c);
	if (!c->idle)
		panic("no memory for the idle vcpu");
	stack_end()->current = c->idle;
	if (sched_init(options.sched))
		printk(LOG_WARN "sched=%s: there's no such scheduler; using %s\n", options.sched, scheduler->name);
	if (sched_cpu_init(c))
		panic("no memory for the scheduler");
}

/* On the boot CPU's own stack. */
static void hv_main_on_stack(void)
{
	platform_init();
	console_init_ring();
	scheduler_start();
	console_init_input();
	cpumask_set(&cpu_online, 0);
	irq_enable();
	time_start();
	serial_start_interrupts();
	smp_boot_all();
	printk(LOG_INFO "%u CPUs online, %lu of %lu MiB free\n", cpumask_count(&cpu_online),
	       heap_free_pages() >> 8, heap_total_pages() >> 8);
	trace_init(options.tbuf_pages, options.tevt_mask);
	pv_dom0_create();
	heap_scrub_start(options.bootscrub);
	watchdog_start();
	console_start_dom0();
	domain_unpause_by_controller(dom0);
	idle_loop();
}

static void boot_cpu_prepare(void)
{
	struct stack_end *end;

	if (desc_cpu_init(&boot_cpu))
		panic("no memory for the boot CPU's stack");
	end = (struct stack_end *)(boot_cpu.arch.stack + STACK_SIZE) - 1;
	*end = (struct stack_end){ .cpu = &boot_cpu, .hw_cr3 = hv_root_paddr };
	cpu_load_descriptors(&boot_cpu);
	features_init();
	cpu_init(&boot_cpu);
}

void hv_main(uint32_t magic, uint32_t info)
{
	const char *why;

	cpus[0] = &boot_cpu;
	stack_end()->cpu = &boot_cpu;
	why = bootinfo_read(magic, info);
	options_parse(boot_info.cmdline);
	console_init();
	printk(LOG_ERR "Xylem %s (Xen 4.17 ABI), %s, %s\n", build_version, build_compiler, build_date);
	printk(LOG_INFO "Started by %s (%s): %s\n", boot_info.loader, boot_info.protocol, boot_info.cmdline);
	must(why);
	if (options.mem)
		e820_limit(&boot_info.e820, options.mem);
	memory_map_print();
	must(mm_init());
	boot_cpu_prepare();
	stack_start(boot_cpu.arch.stack, hv_main_on_stack);
}
