/*
 * gpuhang: a batch that never ends, in a context of its own, and what becomes of it.
 *
 *   gpuhang [-e rcs|bcs|vcs|vecs] [-k loop|bad] [-n times] [-d node] [-c]
 *
 *   loop  the batch jumps to its own start for ever
 *   bad   the batch holds a command that no Haswell engine has
 * -c goes on with a context that cannot be banned; without it the kernel may refuse more work of the context.
 *
 * The batch begins with a store, which shows that it ran. Prints one line for each time:
 *   gpuhang: engine=bcs kind=loop ran=1 seconds=7.6 active=1 pending=0 resets=1 again=EIO
 * ran: the store was carried out; active, pending: the context's reset statistics; again: what the kernel says to the
 * context's next, harmless batch ("ok" or an errno's name). Status 0 when the kernel got the engine back.
 */
#include "xg.h"

/* Commands: HSW PRM vol. 2a. */
#define MI_NOOP 0
#define MI_BATCH_BUFFER_END (0x0a << 23)
#define MI_STORE_DATA_IMM (0x20 << 23 | 2)
#define MI_BATCH_BUFFER_START (0x31 << 23)
#define MI_BATCH_PPGTT (1 << 8)
#define MI_BATCH_NON_PRIVILEGED (1 << 13)
/* An MI opcode without meaning, two dwords long. */
#define MI_UNKNOWN (0x3b << 23)
#define MARK 0xfeedc0de

enum { TARGET, BATCH, OBJECTS };

static int fd;
static uint32_t engine, context;
static struct xg_bo bo[OBJECTS];

static int submit(const uint32_t *dwords, uint32_t count, const uint32_t *relocated, uint32_t relocs)
{
	struct drm_i915_gem_exec_object2 object[OBJECTS];
	struct drm_i915_gem_relocation_entry reloc[2];
	struct drm_i915_gem_execbuffer2 exec;
	uint32_t k;

	memcpy(bo[BATCH].cpu, dwords, count * 4);
	memset(reloc, 0, sizeof reloc);
	for (k = 0; k < relocs; k++) {
		/* Relocation k is of object k. */
		reloc[k].target_handle = k;
		reloc[k].offset = relocated[k] * 4;
		reloc[k].presumed_offset = -1;
		reloc[k].read_domains = I915_GEM_DOMAIN_RENDER;
		reloc[k].write_domain = k == TARGET ? I915_GEM_DOMAIN_RENDER : 0;
	}
	memset(object, 0, sizeof object);
	for (k = 0; k < OBJECTS; k++)
		object[k].handle = bo[k].handle;
	object[TARGET].flags = EXEC_OBJECT_WRITE;
	object[BATCH].relocs_ptr = (uintptr_t)reloc;
	object[BATCH].relocation_count = relocs;
	memset(&exec, 0, sizeof exec);
	exec.buffers_ptr = (uintptr_t)object;
	exec.buffer_count = OBJECTS;
	exec.batch_len = count * 4;
	exec.flags = engine | I915_EXEC_HANDLE_LUT;
	exec.rsvd1 = context;
	return xg_try(fd, DRM_IOCTL_I915_GEM_EXECBUFFER2, &exec);
}

static uint32_t new_context(int bannable)
{
	struct drm_i915_gem_context_create create;
	struct drm_i915_gem_context_param param;

	memset(&create, 0, sizeof create);
	xg_ioctl(fd, DRM_IOCTL_I915_GEM_CONTEXT_CREATE, &create, "CONTEXT_CREATE");
	if (!bannable) {
		memset(&param, 0, sizeof param);
		param.ctx_id = create.ctx_id;
		param.param = I915_CONTEXT_PARAM_BANNABLE;
		xg_ioctl(fd, DRM_IOCTL_I915_GEM_CONTEXT_SETPARAM, &param, "CONTEXT_SETPARAM");
	}
	return create.ctx_id;
}

/* What the kernel says to a batch that does nothing. */
static const char *harmless(void)
{
	static const uint32_t nothing[] = { MI_BATCH_BUFFER_END, MI_NOOP };

	if (submit(nothing, 2, NULL, 0) == 0) {
		xg_bo_sync(fd, &bo[TARGET], 1);
		return "ok";
	}
	return errno == EIO ? "EIO" : strerror(errno);
}

static int run(const char *name, const char *kind)
{
	uint32_t jump = MI_BATCH_BUFFER_START | MI_BATCH_PPGTT | (engine == I915_EXEC_RENDER ? MI_BATCH_NON_PRIVILEGED : 0);
	uint32_t loop[] = { MI_STORE_DATA_IMM, 0, 0, MARK, jump, 0, MI_BATCH_BUFFER_END, MI_NOOP };
	uint32_t bad[] = { MI_STORE_DATA_IMM, 0, 0, MARK, MI_UNKNOWN, 0, MI_BATCH_BUFFER_END, MI_NOOP };
	static const uint32_t relocated[] = { 2, 5 };
	int is_loop = strcmp(kind, "loop") == 0;
	struct drm_i915_reset_stats stats;
	double start = xg_seconds();
	uint32_t ran;

	bo[TARGET].cpu[0] = 0;
	if (submit(is_loop ? loop : bad, 8, relocated, is_loop ? 2 : 1) < 0)
		xg_die("GEM_EXECBUFFER2");
	xg_bo_sync(fd, &bo[TARGET], 1);
	ran = bo[TARGET].cpu[0] == MARK;
	memset(&stats, 0, sizeof stats);
	stats.ctx_id = context;
	xg_ioctl(fd, DRM_IOCTL_I915_GET_RESET_STATS, &stats, "GET_RESET_STATS");
	printf("gpuhang: engine=%s kind=%s ran=%u seconds=%.1f active=%u pending=%u resets=%u again=%s\n", name, kind, ran,
	       xg_seconds() - start, stats.batch_active, stats.batch_pending, stats.reset_count, harmless());
	fflush(stdout);
	return ran ? 0 : 1;
}

int main(int argc, char **argv)
{
	static const char *names[] = { "", "rcs", "vcs", "bcs", "vecs" };
	const char *node = NULL, *name = "bcs", *kind = "loop";
	uint32_t times = 1, k;
	int option, bannable = 1, status = 0;

	xg_name = "gpuhang";
	while ((option = getopt(argc, argv, "e:k:n:d:c")) != -1) {
		switch (option) {
		case 'e': name = optarg; break;
		case 'k': kind = optarg; break;
		case 'n': times = strtoul(optarg, NULL, 0); break;
		case 'd': node = optarg; break;
		case 'c': bannable = 0; break;
		default:
			fprintf(stderr, "usage: gpuhang [-e rcs|bcs|vcs|vecs] [-k loop|bad] [-n times] [-d node] [-c]\n");
			return 2;
		}
	}
	for (k = 1; k < 5; k++)
		if (strcmp(name, names[k]) == 0)
			engine = k;
	if (engine == 0 || (strcmp(kind, "loop") != 0 && strcmp(kind, "bad") != 0)) {
		fprintf(stderr, "gpuhang: no engine \"%s\" or no kind \"%s\"\n", name, kind);
		return 2;
	}
	fd = xg_open(node);
	for (k = 0; k < OBJECTS; k++)
		bo[k] = xg_bo_new(fd, 4096);
	context = new_context(bannable);
	for (k = 0; k < times; k++)
		status |= run(name, kind);
	return status;
}
