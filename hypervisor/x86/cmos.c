#include "cmos.h"

#include "acpi.h"
#include "asm.h"
#include "calendar.h"
#include "errno.h"
#include "lock.h"
#include "string.h"

#define INDEX_PORT 0x70
#define DATA_PORT 0x71
#define STATUS_A 0x0a
#define STATUS_B 0x0b
#define A_UPDATING 0x80
#define B_24H 2
#define B_BINARY 4
#define UPDATE_READS 100000		/* an update takes 2 ms at most */

static struct spinlock cmos_lock;	/* irqsave: index and data belong together */

uint8_t cmos_read(uint8_t index)
{
	uint64_t flags = spin_lock_irqsave(&cmos_lock);
	uint8_t v;

	outb(INDEX_PORT, index);
	v = inb(DATA_PORT);
	spin_unlock_irqrestore(&cmos_lock, flags);
	return v;
}

void cmos_write(uint8_t index, uint8_t value)
{
	uint64_t flags = spin_lock_irqsave(&cmos_lock);

	outb(INDEX_PORT, index);
	outb(DATA_PORT, value);
	spin_unlock_irqrestore(&cmos_lock, flags);
}

struct cmos_time { uint8_t second, minute, hour, day, month, year, century; };

static void time_registers(struct cmos_time *t)
{
	for (unsigned int i = 0; i < UPDATE_READS && cmos_read(STATUS_A) & A_UPDATING; i++)
		cpu_relax();
	t->second = cmos_read(0);
	t->minute = cmos_read(2);
	t->hour = cmos_read(4);
	t->day = cmos_read(7);
	t->month = cmos_read(8);
	t->year = cmos_read(9);
	t->century = acpi.century ? cmos_read(acpi.century) : 0;
}

static unsigned int from_bcd(uint8_t v, bool is_binary)
{
	return is_binary ? v : (v >> 4) * 10 + (v & 15);
}

static unsigned int hour_24(uint8_t hour, uint8_t status)
{
	unsigned int h = from_bcd(hour & 0x7f, status & B_BINARY);

	if (status & B_24H)
		return h;
	return h % 12 + (hour & 0x80 ? 12 : 0);		/* bit 7: afternoon */
}

int cmos_read_time(uint64_t *seconds)
{
	struct cmos_time t, again;
	uint8_t status = cmos_read(STATUS_B);
	bool binary = status & B_BINARY;
	struct calendar c;
	unsigned int century;

	if (status == 0xff)
		return -ENODEV;
	time_registers(&again);
	for (unsigned int tries = 0; tries < 10; tries++) {	/* twice the same: not torn by an update */
		t = again;
		time_registers(&again);
		if (!memcmp(&t, &again, sizeof(t)))
			break;
	}
	century = t.century ? from_bcd(t.century, binary) : 0;
	c = (struct calendar){
		.year = from_bcd(t.year, binary), .month = from_bcd(t.month, binary),
		.day = from_bcd(t.day, binary), .hour = hour_24(t.hour, status),
		.minute = from_bcd(t.minute, binary), .second = from_bcd(t.second, binary),
	};
	if (century >= 19 && century <= 99)
		c.year += century * 100;
	else
		c.year += c.year < 70 ? 2000 : 1900;
	return calendar_to_seconds(&c, seconds);
}
