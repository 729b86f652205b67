/*
 * drmnodes: says as JSON what is in /dev/dri: one object a line, one line a node.
 *
 * {"node":"/dev/dri/card0","driver":"i915","version":"1.6.0","date":"20201103","chipset":"0x0412",...,
 *  "connectors":[{"name":"VGA-1","status":"connected","encoder":"...","modes":12,"preferred":"1024x768"}],
 *  "crtcs":[{"id":45,"active":true,"mode":"1024x768","fb":70}]}
 */
#include "xg.h"
#include <dirent.h>
#include <libdrm/drm_mode.h>

/* Connector kinds by number: drm_mode.h, DRM_MODE_CONNECTOR_*; names as the kernel's sysfs spells them. */
static const char *const connector_names[] = { "Unknown", "VGA", "DVI-I", "DVI-D", "DVI-A", "Composite", "SVIDEO", "LVDS",
	"Component", "DIN", "DP", "HDMI-A", "HDMI-B", "TV", "eDP", "Virtual", "DSI", "DPI", "Writeback", "SPI", "USB" };
static const char *const states[] = { "", "connected", "disconnected", "unknown" };

/* i915 facts worth telling: name and I915_PARAM_*. */
static const struct { const char *name; int param; } params[] = {
	{ "revision", I915_PARAM_REVISION }, { "fences", I915_PARAM_NUM_FENCES_AVAIL }, { "llc", I915_PARAM_HAS_LLC },
	{ "ppgtt", I915_PARAM_HAS_ALIASING_PPGTT }, { "bsd", I915_PARAM_HAS_BSD }, { "blt", I915_PARAM_HAS_BLT },
	{ "vebox", I915_PARAM_HAS_VEBOX }, { "cmdparser", I915_PARAM_CMD_PARSER_VERSION }, { "eu", I915_PARAM_EU_TOTAL },
	{ "timestampHz", I915_PARAM_CS_TIMESTAMP_FREQUENCY },
};

#define MAX_IDS 32

static int parameter(int fd, int param, int *value)
{
	struct drm_i915_getparam get;

	*value = 0;
	get.param = param;
	get.value = value;
	return xg_try(fd, DRM_IOCTL_I915_GETPARAM, &get);
}

static void print_i915(int fd)
{
	struct drm_i915_gem_get_aperture aperture;
	unsigned k;
	int value;

	if (parameter(fd, I915_PARAM_CHIPSET_ID, &value) == 0)
		printf(",\"chipset\":\"0x%04x\"", value);
	for (k = 0; k < sizeof params / sizeof *params; k++)
		if (parameter(fd, params[k].param, &value) == 0)
			printf(",\"%s\":%d", params[k].name, value);
	memset(&aperture, 0, sizeof aperture);
	if (xg_try(fd, DRM_IOCTL_I915_GEM_GET_APERTURE, &aperture) == 0)
		printf(",\"gttBytes\":%llu,\"gttFree\":%llu", (unsigned long long)aperture.aper_size,
		       (unsigned long long)aperture.aper_available_size);
}

static void print_connector(int fd, uint32_t id)
{
	static struct drm_mode_modeinfo modes[64];
	struct drm_mode_get_connector c;
	uint32_t encoders[16], properties[64], k, preferred = 0;
	uint64_t values[64];

	memset(&c, 0, sizeof c);
	c.connector_id = id;
	/* The first call probes and counts; the second takes at most what fits. */
	if (xg_try(fd, DRM_IOCTL_MODE_GETCONNECTOR, &c) < 0)
		return;
	if (c.count_modes > 64 || c.count_encoders > 16 || c.count_props > 64)
		c.count_modes = c.count_encoders = c.count_props = 0;
	c.modes_ptr = (uintptr_t)modes;
	c.encoders_ptr = (uintptr_t)encoders;
	c.props_ptr = (uintptr_t)properties;
	c.prop_values_ptr = (uintptr_t)values;
	if (xg_try(fd, DRM_IOCTL_MODE_GETCONNECTOR, &c) < 0)
		return;
	printf("{\"name\":\"%s-%u\",\"id\":%u,\"status\":\"%s\",\"encoder\":%u,\"modes\":%u",
	       connector_names[c.connector_type < sizeof connector_names / sizeof *connector_names ? c.connector_type : 0],
	       c.connector_type_id, id, states[c.connection < 4 ? c.connection : 3], c.encoder_id, c.count_modes);
	for (k = 0; k < c.count_modes && k < 64; k++)
		if (modes[k].type & DRM_MODE_TYPE_PREFERRED) {
			preferred = k;
			break;
		}
	if (c.count_modes > 0)
		printf(",\"preferred\":\"%s\",\"clock\":%u", modes[preferred].name, modes[preferred].clock);
	printf("}");
}

static void print_crtc(int fd, uint32_t id)
{
	struct drm_mode_crtc crtc;

	memset(&crtc, 0, sizeof crtc);
	crtc.crtc_id = id;
	if (xg_try(fd, DRM_IOCTL_MODE_GETCRTC, &crtc) < 0)
		return;
	printf("{\"id\":%u,\"active\":%s", id, crtc.mode_valid ? "true" : "false");
	if (crtc.mode_valid)
		printf(",\"mode\":\"%s\",\"width\":%u,\"height\":%u,\"refresh\":%u", crtc.mode.name, crtc.mode.hdisplay,
		       crtc.mode.vdisplay, crtc.mode.vrefresh);
	printf(",\"fb\":%u}", crtc.fb_id);
}

static void print_modes(int fd)
{
	uint32_t crtcs[MAX_IDS], connectors[MAX_IDS], k;
	struct drm_mode_card_res res;

	memset(&res, 0, sizeof res);
	if (xg_try(fd, DRM_IOCTL_MODE_GETRESOURCES, &res) < 0 || res.count_crtcs > MAX_IDS || res.count_connectors > MAX_IDS)
		return;
	res.count_fbs = res.count_encoders = 0;
	res.crtc_id_ptr = (uintptr_t)crtcs;
	res.connector_id_ptr = (uintptr_t)connectors;
	if (xg_try(fd, DRM_IOCTL_MODE_GETRESOURCES, &res) < 0)
		return;
	printf(",\"connectors\":[");
	for (k = 0; k < res.count_connectors; k++) {
		if (k)
			printf(",");
		print_connector(fd, connectors[k]);
	}
	printf("],\"crtcs\":[");
	for (k = 0; k < res.count_crtcs; k++) {
		if (k)
			printf(",");
		print_crtc(fd, crtcs[k]);
	}
	printf("]");
}

static void print_node(const char *path)
{
	char name[32], date[32];
	struct drm_version version;
	int fd = open(path, O_RDWR | O_CLOEXEC);

	printf("{\"node\":\"%s\"", path);
	if (fd < 0) {
		printf(",\"error\":\"%s\"}\n", strerror(errno));
		return;
	}
	memset(&version, 0, sizeof version);
	memset(name, 0, sizeof name);
	memset(date, 0, sizeof date);
	version.name = name;
	version.name_len = sizeof name - 1;
	version.date = date;
	version.date_len = sizeof date - 1;
	if (xg_try(fd, DRM_IOCTL_VERSION, &version) == 0)
		printf(",\"driver\":\"%s\",\"version\":\"%d.%d.%d\",\"date\":\"%s\"", name, version.version_major,
		       version.version_minor, version.version_patchlevel, date);
	if (strcmp(name, "i915") == 0)
		print_i915(fd);
	if (strstr(path, "/card"))
		print_modes(fd);
	printf("}\n");
	close(fd);
}

int main(void)
{
	struct dirent **list;
	char path[300];
	int k, n = scandir("/dev/dri", &list, NULL, alphasort);

	xg_name = "drmnodes";
	if (n < 0) {
		fprintf(stderr, "drmnodes: there is no /dev/dri: no DRM driver is bound\n");
		return 1;
	}
	for (k = 0; k < n; k++) {
		if (strncmp(list[k]->d_name, "card", 4) != 0 && strncmp(list[k]->d_name, "renderD", 7) != 0)
			continue;
		snprintf(path, sizeof path, "/dev/dri/%s", list[k]->d_name);
		print_node(path);
	}
	return 0;
}
