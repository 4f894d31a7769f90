/* What the administrator chose on the boot line (man/xen-command-line.7); options.c has the table. */
#ifndef HV_OPTIONS_H
#define HV_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

/* One of dom0_mem's three amounts: bytes, or bytes less than all there is, or a percentage plus bytes. */
struct mem_amount {
	bool is_given;
	bool is_negative;		/* all of the memory but `bytes` */
	uint32_t percent;		/* of the memory, in addition to `bytes` */
	uint64_t bytes;
};

enum tsc_trust { TSC_AUTO, TSC_UNSTABLE, TSC_STABLE };

struct options {
	/* console */
	char com[2][64];		/* com1=, com2=: "" when not given */
	char console[64];		/* console=: names, comma-separated */
	char vga[64];
	char console_timestamps[16];
	char conswitch[8];
	uint64_t conring_size;		/* bytes */
	bool sync_console, console_to_ring;
	int loglvl[2], guest_loglvl[2];	/* levels below [0] are always shown, below [1] rate-limited */
	bool noreboot;
	uint32_t reboot_delay_s;	/* after a panic */
	/* memory and CPUs */
	uint64_t mem;			/* 0: all */
	struct mem_amount dom0_mem, dom0_mem_min, dom0_mem_max;
	uint32_t dom0_max_vcpus_min, dom0_max_vcpus_max;	/* 0: not given */
	bool dom0_vcpus_pin;
	bool bootscrub;			/* idle CPUs clear what is free at boot */
	uint32_t maxcpus;		/* 0: not given */
	bool smp;
	/* platform */
	bool acpi, apic, ioapic, x2apic, hpet, mmcfg, msi;
	bool watchdog;
	uint32_t watchdog_timeout_s;
	char reboot[8];			/* "", "acpi", "pci", "kbd", "triple" … by first letter */
	char clocksource[8];
	enum tsc_trust tsc;
	char sched[16];
	uint32_t tbuf_pages, tevt_mask;	/* trace buffers from boot on, of each CPU; 0: none, all events */
	bool smep, xsave;
};

extern struct options options;

/*
 * Applies the boot line (without the image's name).  Problems go to the log, each word named.
 * options_line() is the line as given, for XENVER_commandline.
 */
void options_parse(const char *line);
const char *options_line(void);
/* The bytes an amount stands for on a machine with `total` bytes; 0 if negative beyond that. */
uint64_t mem_amount_bytes(const struct mem_amount *m, uint64_t total);

#endif
