#include "string.h"
#include <stdint.h>

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
	void *start = to;
	size_t words = n / 8, rest = n % 8;

	__asm__ volatile("rep movsq; mov %3, %%rcx; rep movsb"
			 : "+D"(to), "+S"(from), "+c"(words) : "r"(rest) : "memory");
	return start;
}

void *memmove(void *to, const void *from, size_t n)
{
	unsigned char *t = to;
	const unsigned char *f = from;

	if (t <= f || t >= f + n)
		return memcpy(to, from, n);
	while (n--)
		t[n] = f[n];
	return to;
}

void *memset(void *to, int byte, size_t n)
{
	void *start = to;
	uint64_t pattern = 0x0101010101010101ULL * (unsigned char)byte;
	size_t words = n / 8, rest = n % 8;

	__asm__ volatile("rep stosq; mov %2, %%rcx; rep stosb"
			 : "+D"(to), "+c"(words) : "r"(rest), "a"(pattern) : "memory");
	return start;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const unsigned char *x = a, *y = b;

	for (; n; n--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}

size_t strlen(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

int strcmp(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return (unsigned char)*a - (unsigned char)*b;
}

int strncmp(const char *a, const char *b, size_t n)
{
	for (; n; n--, a++, b++)
		if (*a != *b || !*a)
			return (unsigned char)*a - (unsigned char)*b;
	return 0;
}

char *strchr(const char *s, int c)
{
	for (; *s != (char)c; s++)
		if (!*s)
			return NULL;
	return (char *)s;
}

size_t strlcpy(char *to, const char *from, size_t size)
{
	size_t n = strlen(from), copied = n < size ? n : size - 1;

	if (size) {
		memcpy(to, from, copied);
		to[copied] = '\0';
	}
	return n;
}
