/*
 * barwidths: reads and writes the GPU's BARs with instructions of every width, aligned and not.
 *
 *   barwidths [-m] [-g MIB] [-o INSTRUCTION]
 *
 * BAR0 is tried on the palette of pipe A, where a dword keeps 24 bits; BAR2 on one page of graphics memory at MIB (16),
 * which is pointed at a page of this program, so that what arrives can be seen in plain memory. The BARs are mapped
 * through sysfs, with -m through /dev/mem. -o does one instruction alone, one aligned write and one read of each BAR.
 *
 * Prints a table, one line a case:
 *   bar0 movdqu 16 +4 write=ok read=ok
 * and at its end: barwidths: 220 cases 0 failed. Status 0 when none failed. No driver may use the GPU meanwhile.
 */
#include "xg.h"

#define BAR0_BYTES 0x400000
#define GTT 0x200000
#define PALETTE 0x4a000
#define PAGE 4096
/* Bytes in the middle of the page or of the palette that cases write to. */
#define SPOT 0x100
#define SPAN 64

typedef void (*move_fn)(volatile void *from, volatile void *to);

/* Machine code that moves from [ecx] to [edx]; the emulated processor has SSE2, the assembler need not know it. */
struct move {
	const char *name;
	unsigned bytes;
	/* Must be aligned to its width. */
	int aligned;
	unsigned char code[16];
	/* rep movs: this many elements. */
	unsigned count;
};

static const struct move moves[] = {
	{ "mov8", 1, 0, { 0x8a, 0x01, 0x88, 0x02 }, 0 },
	{ "mov16", 2, 0, { 0x66, 0x8b, 0x01, 0x66, 0x89, 0x02 }, 0 },
	{ "mov32", 4, 0, { 0x8b, 0x01, 0x89, 0x02 }, 0 },
	{ "movq-mmx", 8, 0, { 0x0f, 0x6f, 0x01, 0x0f, 0x7f, 0x02, 0x0f, 0x77 }, 0 },
	{ "movq-sse", 8, 0, { 0xf3, 0x0f, 0x7e, 0x01, 0x66, 0x0f, 0xd6, 0x02 }, 0 },
	{ "fild64", 8, 0, { 0xdf, 0x29, 0xdf, 0x3a }, 0 },
	{ "movups", 16, 0, { 0x0f, 0x10, 0x01, 0x0f, 0x11, 0x02 }, 0 },
	{ "movdqu", 16, 0, { 0xf3, 0x0f, 0x6f, 0x01, 0xf3, 0x0f, 0x7f, 0x02 }, 0 },
	{ "movdqa", 16, 1, { 0x66, 0x0f, 0x6f, 0x01, 0x66, 0x0f, 0x7f, 0x02 }, 0 },
	{ "movntdq", 16, 1, { 0x66, 0x0f, 0x6f, 0x01, 0x66, 0x0f, 0xe7, 0x02 }, 0 },
	{ "rep-movsb", 1, 0, { 0xf3, 0xa4 }, 13 },
	{ "rep-movsw", 2, 0, { 0xf3, 0x66, 0xa5 }, 7 },
	{ "rep-movsd", 4, 0, { 0xf3, 0xa5 }, 5 },
	/* Stores the dword at [ecx]. */
	{ "rep-stosd", 4, 0, { 0x8b, 0x01, 0xf3, 0xab }, 5 },
};

static const unsigned places[] = { 0, 1, 2, 3, 4, 6, 8, 12, 15 };

static unsigned char *stub;
static unsigned cases, failures;

/* cdecl: push esi, edi; ecx or esi = from, edx or edi = to, ecx = count of a rep; the move; pop; ret. */
static void make(const struct move *m)
{
	static const unsigned char plain[] = { 0x56, 0x57, 0x8b, 0x4c, 0x24, 0x0c, 0x8b, 0x54, 0x24, 0x10 };
	static const unsigned char string[] = { 0x56, 0x57, 0x8b, 0x4c, 0x24, 0x0c, 0x8b, 0x74, 0x24, 0x0c, 0x8b, 0x7c, 0x24, 0x10 };
	static const unsigned char end[] = { 0x5f, 0x5e, 0xc3 };
	unsigned char *p = stub;
	unsigned from = 0;

	if (!m->count) {
		memcpy(p, plain, sizeof plain);
		p += sizeof plain;
	} else {
		memcpy(p, string, sizeof string);
		p += sizeof string;
		if (m->code[0] == 0x8b) {
			*p++ = 0x8b;
			*p++ = 0x01;
			from = 2;
		}
		*p++ = 0xb9;
		memcpy(p, &m->count, 4);
		p += 4;
	}
	memcpy(p, m->code + from, sizeof m->code - from);
	/* Codes end before the zeros that pad them. */
	p += sizeof m->code - from;
	while (p[-1] == 0)
		p--;
	memcpy(p, end, sizeof end);
}

static void run(volatile void *from, volatile void *to)
{
	((move_fn)(void *)stub)(from, to);
}

static unsigned length(const struct move *m)
{
	return m->bytes * (m->count ? m->count : 1);
}

/* What a range of the device holds; `mask` has the bits that it keeps. */
struct range {
	const char *name;
	volatile unsigned char *base;
	/* The same bytes in plain memory, or NULL where a dword at a time is read. */
	volatile unsigned char *plain;
	uint32_t mask;
};

static void peek(const struct range *r, unsigned char *out)
{
	unsigned k;
	uint32_t v;

	for (k = 0; k < SPAN; k += 4) {
		v = r->plain ? *(volatile uint32_t *)(r->plain + k) : *(volatile uint32_t *)(r->base + k);
		memcpy(out + k, &v, 4);
	}
}

static void fill(const struct range *r, unsigned seed)
{
	unsigned k;

	for (k = 0; k < SPAN; k += 4)
		*(volatile uint32_t *)(r->base + k) = (seed + k * 0x01030507u) & r->mask;
}

static void one(const struct range *r, const struct move *m, unsigned at)
{
	static unsigned char from[SPAN] __attribute__((aligned(16))), to[SPAN] __attribute__((aligned(16)));
	unsigned char want[SPAN], got[SPAN];
	unsigned k, n = length(m), keep = r->mask;
	int stos = m->code[0] == 0x8b && m->count, wrote, read = 1;

	make(m);
	fill(r, 0x11223344);
	peek(r, want);
	for (k = 0; k < SPAN; k++)
		from[k] = k * 37 + 5;
	run(from, r->base + at);
	for (k = 0; k < n; k++)
		want[at + k] = from[stos ? k % 4 : k];
	for (k = 0; k < SPAN; k++)
		want[k] &= keep >> 8 * (k % 4);
	peek(r, got);
	wrote = memcmp(want, got, SPAN) == 0;
	if (!stos) {
		memset(to, 0, sizeof to);
		run(r->base + at, to);
		read = memcmp(to, want + at, n) == 0;
	}
	printf("%s %s %u +%u write=%s read=%s\n", r->name, m->name, n, at, wrote ? "ok" : "WRONG", stos ? "-" : read ? "ok" : "WRONG");
	cases++;
	if (!wrote || !read)
		failures++;
}

static unsigned long bar_address(int bar)
{
	FILE *f = fopen("/sys/bus/pci/devices/0000:00:02.0/resource", "r");
	unsigned long long from = 0;
	char line[128];

	if (!f)
		xg_die("resource");
	do
		if (!fgets(line, sizeof line, f))
			xg_die("resource");
	while (bar--);
	sscanf(line, "%llx", &from);
	fclose(f);
	return from;
}

static volatile unsigned char *map_bar(int bar, int mem, unsigned long at, unsigned long bytes)
{
	char path[80];
	void *p;
	int fd;

	snprintf(path, sizeof path, mem ? "/dev/mem" : "/sys/bus/pci/devices/0000:00:02.0/resource%d", bar);
	fd = open(path, O_RDWR | O_SYNC);
	if (fd < 0)
		xg_die(path);
	p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, mem ? bar_address(bar) + at : at);
	if (p == MAP_FAILED)
		xg_die("mmap");
	close(fd);
	return p;
}

static void enable_memory(void)
{
	int fd = open("/sys/bus/pci/devices/0000:00:02.0/enable", O_WRONLY);

	if (fd < 0 || write(fd, "1", 1) != 1)
		xg_die("enable");
	close(fd);
}

/* Physical address of a page of ours. */
static uint32_t physical(void *page)
{
	uint64_t entry = 0;
	int fd = open("/proc/self/pagemap", O_RDONLY);

	if (fd < 0 || pread(fd, &entry, 8, (uintptr_t)page / PAGE * 8) != 8 || !(entry >> 63))
		xg_die("pagemap");
	close(fd);
	return (uint32_t)(entry & 0xffffff) * PAGE;
}

int main(int argc, char **argv)
{
	unsigned mib = 16, k, j, entry;
	int option, mem = 0;
	const char *only = NULL;
	volatile unsigned char *bar0, *bar2;
	volatile uint32_t *pte;
	unsigned char *page;
	uint32_t old;
	struct range ranges[2];

	xg_name = "barwidths";
	while ((option = getopt(argc, argv, "mg:o:")) != -1)
		if (option == 'm')
			mem = 1;
		else if (option == 'g')
			mib = strtoul(optarg, NULL, 0);
		else if (option == 'o')
			only = optarg;
		else
			return 2;
	stub = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);
	if (stub == MAP_FAILED || page == MAP_FAILED)
		xg_die("mmap");
	page[0] = 1;
	enable_memory();
	bar0 = map_bar(0, mem, 0, BAR0_BYTES);
	entry = mib << 8;
	pte = (volatile uint32_t *)(bar0 + GTT) + entry;
	old = *pte;
	*pte = physical(page) | 1;
	(void)*pte;
	bar2 = map_bar(2, mem, (unsigned long)entry * PAGE, PAGE);
	ranges[0].name = "bar0";
	ranges[0].base = bar0 + PALETTE + SPOT;
	ranges[0].plain = NULL;
	ranges[0].mask = 0xffffff;
	ranges[1].name = "bar2";
	ranges[1].base = bar2 + SPOT;
	ranges[1].plain = page + SPOT;
	ranges[1].mask = 0xffffffff;
	for (k = 0; k < 2; k++)
		for (j = 0; j < sizeof moves / sizeof *moves; j++) {
			const struct move *m = &moves[j];
			unsigned p;

			if (only) {
				static unsigned char buffer[SPAN] __attribute__((aligned(16)));

				if (strcmp(only, m->name))
					continue;
				make(m);
				run(buffer, ranges[k].base);
				run(ranges[k].base, buffer);
				cases++;
				continue;
			}
			for (p = 0; p < sizeof places / sizeof *places; p++)
				if (!m->aligned || places[p] % 16 == 0)
					one(&ranges[k], m, places[p]);
		}
	*pte = old;
	printf("barwidths: %u cases %u failed\n", cases, failures);
	return failures != 0;
}
