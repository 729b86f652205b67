/*
 * gpuwork: real work for one engine of the GPU, every result checked.
 *
 *   gpuwork [-e bcs|rcs|vcs|vecs] [-n batches] [-s seed] [-q depth] [-d node] [-p] [-w]
 *
 * Submits batch buffers, `depth` of them in flight, and checks each one's result through a CPU mapping:
 *   bcs   by turns: fill 64x64 pixels (XY_COLOR_BLT); copy 64x64 pixels (XY_SRC_COPY_BLT); 16 single stores
 *         (MI_STORE_DATA_IMM); each ends with a stamp written by MI_FLUSH_DW after the blits before it
 *   rcs   by turns: 16 single stores; a register loaded and stored (MI_LOAD_REGISTER_IMM, MI_STORE_REGISTER_MEM) four
 *         times; 8 post-sync writes (PIPE_CONTROL); each ends with a stamp written by PIPE_CONTROL
 *   vcs, vecs   single stores and a stamp by MI_FLUSH_DW
 * -p prints guest-physical addresses of the last results, for a look from outside; -w then waits for a line on standard
 * input before it ends. The checksum depends on engine, batches and seed only.
 *
 * Prints one line: gpuwork: engine=bcs batches=10000 ok errors=0 checksum=1234abcd gma=00123000 seconds=5.1 rate=1960
 * Status 0 when every result was right.
 */
#include "xg.h"

/* Commands and fields: HSW PRM vol. 2a. Lengths are included. */
#define MI_BATCH_BUFFER_END (0x0a << 23)
#define MI_STORE_DATA_IMM (0x20 << 23 | 2)
#define MI_LOAD_REGISTER_IMM (0x22 << 23 | 1)
#define MI_STORE_REGISTER_MEM (0x24 << 23 | 1)
#define MI_FLUSH_DW (0x26 << 23 | 2)
#define MI_FLUSH_DW_WRITE_IMM (1 << 14)
#define XY_COLOR_BLT (2u << 29 | 0x50 << 22 | 3 << 20 | 4)
#define XY_SRC_COPY_BLT (2u << 29 | 0x53 << 22 | 3 << 20 | 6)
#define BLT_DEPTH_32 (3 << 24)
#define BLT_ROP_PATTERN (0xf0 << 16)
#define BLT_ROP_SOURCE (0xcc << 16)
#define PIPE_CONTROL (3u << 29 | 3 << 27 | 2 << 24 | 3)
#define PIPE_CONTROL_WRITE_IMM (1 << 14)
#define PIPE_CONTROL_CS_STALL (1 << 20)
/* First general purpose register of the render command streamer, one that user batches may use. */
#define CS_GPR0 0x2600

#define SIDE 64                     /* pixels */
#define PITCH (SIDE * 4)            /* bytes */
#define PIXELS (SIDE * SIDE)
#define STAMP PIXELS                /* dword of the stamp, in the page after the pixels */
#define TARGET_BYTES (PIXELS * 4 + 4096)
#define MAX_DEPTH 64
#define MAX_RELOCS 24

enum { SOURCE, TARGET, BATCH, OBJECTS };

/* One batch in flight with its buffers. */
struct slot {
	struct xg_bo bo[OBJECTS];
	struct drm_i915_gem_exec_object2 object[OBJECTS];
	struct drm_i915_gem_relocation_entry reloc[MAX_RELOCS];
	uint32_t dwords, relocs;
	uint32_t number; /* of the batch, from 0 */
	int busy;
};

static struct slot slots[MAX_DEPTH];
static int fd;
static uint32_t seed, engine;
static unsigned errors;
static uint32_t checksum;

static uint32_t value_of(uint32_t batch, uint32_t k)
{
	return xg_mix(xg_mix(batch * 64 + k + seed * 0x9e3779b9u) + engine);
}

static void out(struct slot *s, uint32_t dword)
{
	s->bo[BATCH].cpu[s->dwords++] = dword;
}

/* An address that the kernel corrects when the buffer is elsewhere than last time. */
static void out_address(struct slot *s, int target, uint32_t delta, int write)
{
	struct drm_i915_gem_relocation_entry *r = &s->reloc[s->relocs++];

	memset(r, 0, sizeof *r);
	r->target_handle = target;
	r->delta = delta;
	r->offset = s->dwords * 4;
	r->presumed_offset = s->object[target].offset;
	r->read_domains = I915_GEM_DOMAIN_RENDER;
	r->write_domain = write ? I915_GEM_DOMAIN_RENDER : 0;
	out(s, (uint32_t)s->object[target].offset + delta);
}

static void out_store(struct slot *s, uint32_t dword, uint32_t value)
{
	out(s, MI_STORE_DATA_IMM);
	out(s, 0);
	out_address(s, TARGET, dword * 4, 1);
	out(s, value);
}

static void out_post_sync(struct slot *s, uint32_t dword, uint32_t value)
{
	out(s, PIPE_CONTROL);
	out(s, PIPE_CONTROL_CS_STALL | PIPE_CONTROL_WRITE_IMM);
	out_address(s, TARGET, dword * 4, 1);
	out(s, value);
	out(s, ~value);
}

static void out_fill(struct slot *s, uint32_t colour)
{
	out(s, XY_COLOR_BLT);
	out(s, BLT_DEPTH_32 | BLT_ROP_PATTERN | PITCH);
	out(s, 0);
	out(s, SIDE << 16 | SIDE);
	out_address(s, TARGET, 0, 1);
	out(s, colour);
}

static void out_copy(struct slot *s)
{
	out(s, XY_SRC_COPY_BLT);
	out(s, BLT_DEPTH_32 | BLT_ROP_SOURCE | PITCH);
	out(s, 0);
	out(s, SIDE << 16 | SIDE);
	out_address(s, TARGET, 0, 1);
	out(s, 0);
	out(s, PITCH);
	out_address(s, SOURCE, 0, 0);
}

static void out_stamp(struct slot *s)
{
	uint32_t stamp = value_of(s->number, 63);

	if (engine == I915_EXEC_RENDER) {
		out_post_sync(s, STAMP, stamp);
	} else {
		out(s, MI_FLUSH_DW | MI_FLUSH_DW_WRITE_IMM);
		out_address(s, TARGET, STAMP * 4, 1);
		out(s, stamp);
		out(s, ~stamp);
	}
	out(s, MI_BATCH_BUFFER_END);
	if (s->dwords & 1)
		out(s, 0);
}

/* Which of an engine's three kinds of batch comes at this number. */
static int kind_of(uint32_t batch)
{
	return engine == I915_EXEC_BLT || engine == I915_EXEC_RENDER ? batch % 3 : 2;
}

static void submit(struct slot *s, uint32_t number)
{
	struct drm_i915_gem_execbuffer2 exec;
	int k, kind = kind_of(number);

	s->number = number;
	s->dwords = s->relocs = 0;
	if (engine == I915_EXEC_BLT && kind == 0) {
		out_fill(s, value_of(number, 0));
	} else if (engine == I915_EXEC_BLT && kind == 1) {
		out_copy(s);
	} else if (engine == I915_EXEC_RENDER && kind == 0) {
		for (k = 0; k < 4; k++) {
			out(s, MI_LOAD_REGISTER_IMM);
			out(s, CS_GPR0 + 8 * k);
			out(s, value_of(number, k));
			out(s, MI_STORE_REGISTER_MEM);
			out(s, CS_GPR0 + 8 * k);
			out_address(s, TARGET, (number * 16 + k) % PIXELS * 4, 1);
		}
	} else if (engine == I915_EXEC_RENDER && kind == 1) {
		for (k = 0; k < 8; k++)
			out_post_sync(s, (number * 16 + 2 * k) % PIXELS, value_of(number, k));
	} else {
		for (k = 0; k < 16; k++)
			out_store(s, (number * 16 + k) % PIXELS, value_of(number, k));
	}
	out_stamp(s);

	s->object[BATCH].relocs_ptr = (uintptr_t)s->reloc;
	s->object[BATCH].relocation_count = s->relocs;
	memset(&exec, 0, sizeof exec);
	exec.buffers_ptr = (uintptr_t)s->object;
	exec.buffer_count = OBJECTS;
	exec.batch_len = s->dwords * 4;
	exec.flags = engine | I915_EXEC_HANDLE_LUT | I915_EXEC_NO_RELOC;
	xg_ioctl(fd, DRM_IOCTL_I915_GEM_EXECBUFFER2, &exec, "GEM_EXECBUFFER2");
	s->busy = 1;
}

static void expect(const struct slot *s, uint32_t dword, uint32_t want)
{
	uint32_t got = s->bo[TARGET].cpu[dword];

	if (got == want)
		return;
	if (errors++ < 8)
		fprintf(stderr, "gpuwork: batch %u dword %u: %08x instead of %08x\n", s->number, dword, got, want);
}

/* Waits for a slot's batch, checks all it wrote and spoils the result, so that the next one cannot be taken for it. */
static void check(struct slot *s)
{
	const uint32_t *source = s->bo[SOURCE].cpu;
	uint32_t *target = s->bo[TARGET].cpu;
	uint32_t number = s->number, at = number * 16 % PIXELS;
	int k, kind = kind_of(number);

	if (!s->busy)
		return;
	xg_bo_sync(fd, &s->bo[TARGET], 1);
	if (engine == I915_EXEC_BLT && kind == 0) {
		uint32_t colour = value_of(number, 0);
		for (k = 0; k < PIXELS; k++)
			if (target[k] != colour)
				expect(s, k, colour);
	} else if (engine == I915_EXEC_BLT && kind == 1) {
		for (k = 0; k < PIXELS; k++)
			if (target[k] != source[k])
				expect(s, k, source[k]);
	} else if (engine == I915_EXEC_RENDER && kind == 0) {
		for (k = 0; k < 4; k++)
			expect(s, (at + k) % PIXELS, value_of(number, k));
	} else if (engine == I915_EXEC_RENDER && kind == 1) {
		for (k = 0; k < 8; k++) {
			expect(s, (at + 2 * k) % PIXELS, value_of(number, k));
			expect(s, (at + 2 * k + 1) % PIXELS, ~value_of(number, k));
		}
	} else {
		for (k = 0; k < 16; k++)
			expect(s, (at + k) % PIXELS, value_of(number, k));
	}
	expect(s, STAMP, value_of(number, 63));
	/* What the GPU wrote, not what it should have written. */
	checksum = xg_mix(checksum ^ target[at]) + target[STAMP];
	s->busy = 0;
	target[STAMP] = 0;
	target[at] ^= 0xffffffffu;
	target[PIXELS - 1] ^= 0xffffffffu;
}

static void make_slot(struct slot *s)
{
	static const uint32_t bytes[OBJECTS] = { PIXELS * 4, TARGET_BYTES, 4096 };
	int k;

	for (k = 0; k < OBJECTS; k++) {
		s->bo[k] = xg_bo_new(fd, bytes[k]);
		memset(&s->object[k], 0, sizeof s->object[k]);
		s->object[k].handle = s->bo[k].handle;
	}
	s->object[TARGET].flags = EXEC_OBJECT_WRITE;
	for (k = 0; k < PIXELS; k++)
		s->bo[SOURCE].cpu[k] = xg_mix(seed + k);
}

static uint32_t engine_of(const char *name)
{
	static const char *names[] = { "", "rcs", "vcs", "bcs", "vecs" };
	uint32_t k;

	for (k = 1; k < 5; k++)
		if (strcmp(name, names[k]) == 0)
			return k;
	fprintf(stderr, "gpuwork: no engine \"%s\"; there are rcs, bcs, vcs, vecs\n", name);
	exit(2);
	return 0; /* tcc does not know that exit() does not return */
}

int main(int argc, char **argv)
{
	const char *node = NULL, *name = "bcs";
	uint32_t batches = 1000, depth = 16, k, page;
	int option, physical = 0, wait = 0;
	struct slot *last;
	double start, seconds;

	xg_name = "gpuwork";
	while ((option = getopt(argc, argv, "e:n:s:q:d:pw")) != -1) {
		switch (option) {
		case 'e': name = optarg; break;
		case 'n': batches = strtoul(optarg, NULL, 0); break;
		case 's': seed = strtoul(optarg, NULL, 0); break;
		case 'q': depth = strtoul(optarg, NULL, 0); break;
		case 'd': node = optarg; break;
		case 'p': physical = 1; break;
		case 'w': wait = 1; break;
		default:
			fprintf(stderr, "usage: gpuwork [-e rcs|bcs|vcs|vecs] [-n batches] [-s seed] [-q depth] [-d node] [-p] [-w]\n");
			return 2;
		}
	}
	engine = engine_of(name);
	if (depth < 1 || depth > MAX_DEPTH || batches < 1) {
		fprintf(stderr, "gpuwork: depth is 1 to %d, batches at least 1\n", MAX_DEPTH);
		return 2;
	}
	fd = xg_open(node);
	for (k = 0; k < depth; k++)
		make_slot(&slots[k]);

	start = xg_seconds();
	for (k = 0; k < batches; k++) {
		check(&slots[k % depth]);
		submit(&slots[k % depth], k);
	}
	for (k = batches; k < batches + depth; k++)
		check(&slots[k % depth]);
	seconds = xg_seconds() - start;

	last = &slots[(batches - 1) % depth];
	printf("gpuwork: engine=%s batches=%u %s errors=%u checksum=%08x gma=%08x seconds=%.2f rate=%.0f\n", name, batches,
	       errors ? "FAILED" : "ok", errors, checksum, (uint32_t)last->object[TARGET].offset, seconds, batches / seconds);
	if (physical) {
		/* What check() spoiled is put back, so that memory holds what the GPU wrote. */
		last->bo[TARGET].cpu[last->number * 16 % PIXELS] ^= 0xffffffffu;
		last->bo[TARGET].cpu[PIXELS - 1] ^= 0xffffffffu;
		last->bo[TARGET].cpu[STAMP] = value_of(last->number, 63);
		for (page = 0; page < TARGET_BYTES; page += 4096)
			printf("gpuwork: page %u gpa=%08llx\n", page / 4096,
			       (unsigned long long)xg_physical((char *)last->bo[TARGET].cpu + page));
	}
	fflush(stdout);
	if (wait)
		getchar();
	return errors ? 1 : 0;
}
