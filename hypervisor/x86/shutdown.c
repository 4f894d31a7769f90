#include "shutdown.h"

#include "acpi.h"
#include "arch.h"
#include "asm.h"
#include "console.h"
#include "errno.h"
#include "ioapic.h"
#include "mm.h"
#include "mmio.h"
#include "options.h"
#include "pci.h"
#include "printk.h"
#include "smp.h"
#include "time.h"

/* PM1 control (ACPI 4.8.3.2.1) and status (4.8.3.1.1). */
#define PM1_SCI_EN	1U
#define PM1_SLP_TYP(t)	((uint32_t)(t) << 10)
#define PM1_SLP_TYP_MASK (7U << 10)
#define PM1_SLP_EN	(1U << 13)
#define PM1_WAK_STS	(1U << 15)
/* Sleep control of hardware-reduced ACPI (4.8.3.7). */
#define SLEEP_TYP(t)	((t) << 2)
#define SLEEP_EN	(1U << 5)

#define RESET_CONTROL	0xcf9		/* of PCI chipsets: 2 hard, then 4 start */
#define KEYBOARD_COMMAND 0x64
#define KEYBOARD_RESET	0xfe

enum { PM1A, PM1B, PM1A_EVENT, RESET, SLEEP, REGISTERS };
static void *mapped[REGISTERS];		/* those in memory */

static const struct acpi_register *const registers[REGISTERS] = {
	&acpi.pm1a_control, &acpi.pm1b_control, &acpi.pm1a_event, &acpi.reset, &acpi.sleep_control,
};

void shutdown_init(void)
{
	for (unsigned int i = 0; i < REGISTERS; i++)
		if (registers[i]->is_there && registers[i]->space == ACPI_MEMORY)
			mapped[i] = ioremap(registers[i]->address, 4);
}

static bool register_is_usable(unsigned int n)
{
	return registers[n]->is_there && (registers[n]->space == ACPI_IO || mapped[n]);
}

static uint16_t register_read16(unsigned int n)
{
	if (!register_is_usable(n))
		return 0;
	if (registers[n]->space == ACPI_IO)
		return inw(registers[n]->address);
	return *(volatile uint16_t *)mapped[n];
}

static void register_write(unsigned int n, unsigned int bytes, uint16_t v)
{
	if (!register_is_usable(n))
		return;
	if (registers[n]->space == ACPI_IO) {
		if (bytes == 1)
			outb(registers[n]->address, v);
		else
			outw(registers[n]->address, v);
	} else if (bytes == 1) {
		*(volatile uint8_t *)mapped[n] = v;
	} else {
		*(volatile uint16_t *)mapped[n] = v;
	}
}

/* Nobody else runs, nothing interrupts; the log is still shown. */
static void machine_quiesce(void)
{
	console_set_sync();
	irq_disable();
	smp_stop_others();
	ioapic_mask_all();
}

/* The firmware hands over its power management (4.8.2.3); dom0 normally has asked already. */
static void acpi_mode_enter(void)
{
	if (!register_is_usable(PM1A) || register_read16(PM1A) & PM1_SCI_EN || !acpi.smi_command ||
	    !acpi.acpi_enable)
		return;
	outb(acpi.smi_command, acpi.acpi_enable);
	for (unsigned int ms = 0; ms < 3000 && !(register_read16(PM1A) & PM1_SCI_EN); ms++)
		time_delay_us(1000);
}

static void sleep_enter(uint16_t a, uint16_t b)
{
	register_write(PM1A_EVENT, 2, PM1_WAK_STS);
	a = (a & ~PM1_SLP_EN);
	b = (b & ~PM1_SLP_EN);
	register_write(PM1A, 2, a);		/* the type first: some chipsets insist */
	register_write(PM1B, 2, b);
	register_write(PM1A, 2, a | PM1_SLP_EN);
	register_write(PM1B, 2, b | PM1_SLP_EN);
	time_delay_us(5000000);
}

int shutdown_enter_s5(uint16_t value_a, uint16_t value_b, bool extended)
{
	if (!register_is_usable(extended ? SLEEP : PM1A))
		return -EOPNOTSUPP;
	printk("Domain 0 powers the machine off\n");
	machine_quiesce();
	if (extended) {
		register_write(SLEEP, 1, (value_a & 0xff) | SLEEP_EN);
		time_delay_us(5000000);
	} else {
		sleep_enter(value_a, value_b);
	}
	printk(LOG_ERR "The machine does not power off\n");
	arch_power_off();
}

static void acpi_power_off(void)
{
	uint16_t keep = 0xffff & ~(PM1_SLP_TYP_MASK | PM1_SLP_EN);

	if (!acpi.has_s5)
		return;
	if (acpi.is_hardware_reduced) {
		register_write(SLEEP, 1, SLEEP_TYP(acpi.s5_type_a) | SLEEP_EN);
		time_delay_us(5000000);
		return;
	}
	acpi_mode_enter();
	sleep_enter((register_read16(PM1A) & keep) | PM1_SLP_TYP(acpi.s5_type_a),
		    (register_read16(PM1B) & keep) | PM1_SLP_TYP(acpi.s5_type_b));
}

void arch_power_off(void)
{
	static bool tried;

	machine_quiesce();
	if (!tried) {
		tried = true;
		acpi_power_off();
	}
	printk("The machine is halted: switch it off\n");
	for (;;)
		halt();
}

static void reset_acpi(void)
{
	if (!acpi.reset.is_there)
		return;
	if (acpi.reset.space == ACPI_IO || acpi.reset.space == ACPI_MEMORY)
		register_write(RESET, 1, acpi.reset_value);
	time_delay_us(100000);
}

static void reset_pci(void)
{
	outb(RESET_CONTROL, 2);
	time_delay_us(50);
	outb(RESET_CONTROL, 6);
	time_delay_us(100000);
}

static void reset_keyboard(void)
{
	for (unsigned int tries = 0; tries < 10; tries++) {
		for (unsigned int i = 0; i < 0x10000 && inb(KEYBOARD_COMMAND) & 2; i++)
			cpu_relax();
		outb(KEYBOARD_COMMAND, KEYBOARD_RESET);
		time_delay_us(10000);
	}
}

/* An exception without a handler, while handling one without a handler: SDM 3A 6.15, interrupt 8. */
static void reset_triple_fault(void)
{
	static const struct { uint16_t limit; uint64_t base; } __attribute__((packed)) nothing = { 0, 0 };

	__asm__ volatile("lidt %0; int3" :: "m"(nothing));
}

static const struct {
	char letter;			/* reboot=: its first letter; that way is tried first */
	void (*reset)(void);
} resets[] = {
	{ 'a', reset_acpi }, { 'p', reset_pci }, { 'k', reset_keyboard }, { 't', reset_triple_fault },
};

void arch_reboot(void)
{
	static bool is_under_way;

	if (!is_under_way) {
		is_under_way = true;
		machine_quiesce();
		for (unsigned int i = 0; i < ARRAY_SIZE(resets); i++)
			if (resets[i].letter == options.reboot[0])
				resets[i].reset();
	}
	for (;;)
		for (unsigned int i = 0; i < ARRAY_SIZE(resets); i++)
			resets[i].reset();
}
