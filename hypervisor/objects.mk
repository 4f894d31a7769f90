# What hypervisor/ builds, tests and installs.
HV_SRC += hypervisor/calendar.c hypervisor/cmdline.c hypervisor/console.c hypervisor/format.c
HV_SRC += hypervisor/keys.c hypervisor/options.c hypervisor/printk.c hypervisor/wallclock.c
HV_SRC += hypervisor/x86/console_sinks.c hypervisor/x86/serial.c hypervisor/x86/serial_options.c

UNIT_TESTS += format cmdline platform_parts
test_format_SRC := hypervisor/format.c
test_cmdline_SRC := hypervisor/cmdline.c hypervisor/options.c
test_platform_parts_SRC := hypervisor/calendar.c hypervisor/cmdline.c hypervisor/x86/serial_options.c
