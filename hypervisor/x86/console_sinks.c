#include "console.h"
#include "x86/serial.h"
#include "x86/vga.h"

const struct console_sink console_sinks[] = {
	{ "com1", serial_open_com1, serial_write_com1, serial_set_sync_com1, NULL },
	{ "com2", serial_open_com2, serial_write_com2, serial_set_sync_com2, NULL },
	{ "vga", vga_open, vga_write, NULL, vga_start_dom0 },
	{ 0 },
};
