/* Tables of devices. */
#include "xm/format.h"

static const char *text_or(const char *text)
{
	return text ? text : "??";
}

void format_block_head(FILE *out)
{
	fputs("Vdev  BE handle state evt-ch ring-ref BE-path\n", out);
}

void format_block_row(FILE *out, const struct format_device *v)
{
	fprintf(out, "%-3u    %-3d  %-3d   %-3d    %-3d    %-5d %-30s  \n", v->id, v->backend_id,
		v->handle, v->state, v->event_channel, v->ring_ref, text_or(v->backend));
}

void format_network_head(FILE *out)
{
	fputs("Idx BE     MAC Addr.     handle state evt-ch tx-/rx-ring-ref BE-path\n", out);
}

void format_network_row(FILE *out, const struct format_device *v)
{
	fprintf(out, "%-3u %-3d%-17s    %-3d   %-3d    %-3d   %-5d/%-5d   %-30s  \n", v->id,
		v->backend_id, text_or(v->mac), v->handle, v->state, v->event_channel,
		v->tx_ring_ref, v->rx_ring_ref, text_or(v->backend));
}

void format_vtpm_head(FILE *out)
{
	fputs("Idx  BE handle state evt-ch ring-ref BE-path\n", out);
}

void format_vtpm_row(FILE *out, const struct format_device *v)
{
	fprintf(out, "%-3u   %-3d  %-3d   %-3d    %-3d    %-5d %-30s  \n", v->id, v->backend_id,
		v->handle, v->state, v->event_channel, v->ring_ref, text_or(v->backend));
}
