/* Included before all else: every symbol is in this image, so none needs a detour through a GOT. */
#pragma GCC visibility push(hidden)
