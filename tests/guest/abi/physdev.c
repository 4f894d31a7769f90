/* Interrupt lines and the platform, as domain 0 may ask (xen/physdev.h, xen/platform.h). */
#include "claim.h"

#include <xen/errno.h>
#include <xen/event_channel.h>
#include <xen/physdev.h>
#include <xen/platform.h>

static void a_gsi_becomes_a_pirq(void)
{
	struct physdev_map_pirq map = { .domid = DOMID_SELF, .type = MAP_PIRQ_TYPE_GSI, .index = 4, .pirq = 4 };
	struct physdev_irq_status_query query = { .irq = 4 };
	struct evtchn_bind_pirq bind = { .pirq = 4 }, again = bind;
	struct evtchn_close close;
	struct evtchn_status status = { .dom = DOMID_SELF };

	CHECK_EQ(hcall(physdev_op, PHYSDEVOP_map_pirq, &map), 0);
	CHECK_EQ(map.pirq, 4);
	CHECK_EQ(hcall(physdev_op, PHYSDEVOP_irq_status_query, &query), 0);
	query.irq = 100000;
	CHECK_EQ(hcall(physdev_op, PHYSDEVOP_irq_status_query, &query), -XEN_EINVAL);
	map.index = 100000;
	CHECK(hcall(physdev_op, PHYSDEVOP_map_pirq, &map) < 0);
	bind.pirq = 12;
	map.index = map.pirq = 12;
	CHECK_EQ(hcall(physdev_op, PHYSDEVOP_map_pirq, &map), 0);
	CHECK_EQ(hcall(event_channel_op, EVTCHNOP_bind_pirq, &bind), 0);
	status.port = bind.port;
	CHECK_EQ(hcall(event_channel_op, EVTCHNOP_status, &status), 0);
	CHECK_EQ(status.status, EVTCHNSTAT_pirq);
	CHECK_EQ(status.u.pirq, 12);
	again.pirq = 12;
	CHECK_EQ(hcall(event_channel_op, EVTCHNOP_bind_pirq, &again), -XEN_EEXIST);
	again.pirq = 100000;
	CHECK_EQ(hcall(event_channel_op, EVTCHNOP_bind_pirq, &again), -XEN_EINVAL);
	close.port = bind.port;
	CHECK_EQ(hcall(event_channel_op, EVTCHNOP_close, &close), 0);
}

static void unknown_operations_are_refused(void)
{
	CHECK_EQ(hcall(physdev_op, 99, NULL), -XEN_ENOSYS);
	CHECK_EQ(hcall(physdev_op, PHYSDEVOP_map_pirq, 0x1000), -XEN_EFAULT);
}

static void the_io_apic_can_be_read(void)
{
	struct physdev_apic op = { .apic_physbase = 0xfec00000, .reg = 1 };

	CHECK_EQ(hcall(physdev_op, PHYSDEVOP_apic_read, &op), 0);
	CHECK_EQ(op.value >> 16 & 0xff, 23);		/* the last of 24 pins */
	op.apic_physbase = 0x12345000;
	CHECK(hcall(physdev_op, PHYSDEVOP_apic_read, &op) < 0);
}

static void cpus_can_be_asked_for(void)
{
	struct xen_platform_op op = { .cmd = XENPF_get_cpuinfo,
		.interface_version = XENPF_INTERFACE_VERSION };

	CHECK_EQ(hcall(platform_op, &op), 0);
	CHECK_EQ(op.u.pcpu_info.flags & XEN_PCPU_FLAGS_ONLINE, XEN_PCPU_FLAGS_ONLINE);
	CHECK_EQ(op.u.pcpu_info.apic_id, 0);
	op.cmd = 9999;
	CHECK_EQ(hcall(platform_op, &op), -XEN_ENOSYS);
	CHECK_EQ(hcall(platform_op, 0x1000), -XEN_EFAULT);
}

const struct claim physdev_claims[] = {
	{ "a GSI becomes a PIRQ and an event channel", a_gsi_becomes_a_pirq },
	{ "physdev operations that do not exist are refused", unknown_operations_are_refused },
	{ "an IO-APIC's registers can be read", the_io_apic_can_be_read },
	{ "the platform's CPUs can be asked for", cpus_can_be_asked_for },
	{ NULL, NULL },
};
