/*
 * Small helpers for the guest's own test programs: i915 buffer objects through raw DRM ioctls.
 * One header and no library, because the programs are compiled by tcc inside the guest.
 * The emulated CPU has no CLFLUSH, so nothing here flushes caches: Haswell's last-level cache keeps CPU mappings coherent.
 */
#ifndef XG_H
#define XG_H

#ifndef _FILE_OFFSET_BITS
#define _FILE_OFFSET_BITS 64
#endif
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <libdrm/drm.h>
#include <libdrm/i915_drm.h>

static const char *xg_name = "xg";

/* Prints one line and ends with status 1. */
static void xg_die(const char *what)
{
	fprintf(stderr, "%s: %s: %s\n", xg_name, what, strerror(errno));
	exit(1);
}

static int xg_try(int fd, unsigned long request, void *arg)
{
	int r;
	do
		r = ioctl(fd, request, arg);
	while (r < 0 && (errno == EINTR || errno == EAGAIN));
	return r;
}

static void xg_ioctl(int fd, unsigned long request, void *arg, const char *what)
{
	if (xg_try(fd, request, arg) < 0)
		xg_die(what);
}

/* Opens a DRM node whose driver is i915; NULL looks for one. */
static int xg_open(const char *path)
{
	static const char *nodes[] = { "/dev/dri/renderD128", "/dev/dri/renderD129", "/dev/dri/card0", "/dev/dri/card1" };
	unsigned i;

	for (i = 0; i < sizeof nodes / sizeof *nodes; i++) {
		const char *node = path ? path : nodes[i];
		struct drm_version version;
		char driver[16];
		int fd = open(node, O_RDWR | O_CLOEXEC);
		if (fd >= 0) {
			memset(&version, 0, sizeof version);
			memset(driver, 0, sizeof driver);
			version.name = driver;
			version.name_len = sizeof driver - 1;
			if (xg_try(fd, DRM_IOCTL_VERSION, &version) == 0 && strcmp(driver, "i915") == 0)
				return fd;
			close(fd);
			errno = ENODEV;
		}
		if (path)
			xg_die(path);
	}
	xg_die("no i915 node in /dev/dri");
	return -1;
}

/* A buffer object that is mapped for the CPU, write-back. */
struct xg_bo {
	uint32_t handle;
	uint32_t size;
	uint32_t *cpu;
};

static struct xg_bo xg_bo_new(int fd, uint32_t size)
{
	struct drm_i915_gem_create create;
	struct drm_i915_gem_mmap map;
	struct xg_bo bo;

	memset(&create, 0, sizeof create);
	create.size = size;
	xg_ioctl(fd, DRM_IOCTL_I915_GEM_CREATE, &create, "GEM_CREATE");
	memset(&map, 0, sizeof map);
	map.handle = create.handle;
	map.size = size;
	xg_ioctl(fd, DRM_IOCTL_I915_GEM_MMAP, &map, "GEM_MMAP");
	bo.handle = create.handle;
	bo.size = size;
	bo.cpu = (uint32_t *)(uintptr_t)map.addr_ptr;
	return bo;
}

/* Waits until the GPU has finished with a buffer and the CPU may read, or read and write, it. */
static void xg_bo_sync(int fd, const struct xg_bo *bo, int write)
{
	struct drm_i915_gem_set_domain domain;

	memset(&domain, 0, sizeof domain);
	domain.handle = bo->handle;
	domain.read_domains = I915_GEM_DOMAIN_CPU;
	domain.write_domain = write ? I915_GEM_DOMAIN_CPU : 0;
	xg_ioctl(fd, DRM_IOCTL_I915_GEM_SET_DOMAIN, &domain, "GEM_SET_DOMAIN");
}

/* Guest-physical address of a CPU address, 0 when the kernel does not tell. */
static uint64_t xg_physical(const void *address)
{
	uint64_t entry = 0;
	uintptr_t page = (uintptr_t)address / 4096;
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	if (pread(fd, &entry, sizeof entry, (off_t)page * 8) != sizeof entry)
		entry = 0;
	close(fd);
	/* Bit 63: present; bits 54:0: page frame number. */
	return entry >> 63 ? (entry & ((1ULL << 55) - 1)) * 4096 : 0;
}

static double xg_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

/* A number that looks random: the same in gpuwork.ts. */
static uint32_t xg_mix(uint32_t x)
{
	x ^= x >> 16;
	x *= 0x7feb352du;
	x ^= x >> 15;
	x *= 0x846ca68bu;
	x ^= x >> 16;
	return x;
}

#endif
