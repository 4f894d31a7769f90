#include "console.h"
#include "x86/serial.h"

const struct console_sink console_sinks[] = {
	{ "com1", serial_open_com1, serial_write_com1, serial_set_sync_com1, NULL },
	{ "com2", serial_open_com2, serial_write_com2, serial_set_sync_com2, NULL },
	{ 0 },
};
