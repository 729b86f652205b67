/*
 * fbpattern: draws a pattern that depends on position and seed into a frame buffer, for pixel-exact comparison.
 *
 *   fbpattern [-f /dev/fb0] [-s seed] [-n] [-t]
 *
 * Puts the console into graphics mode first, so that no text or cursor is drawn over it (-n: leaves it as it is;
 * -t: only puts the console back into text mode). The generator is the same as patternPixel() in src/guest/pattern.ts.
 *
 * Prints one line: fbpattern: 1024x768 stride=4096 bpp=32 seed=1 crc=89abcdef readback=89abcdef driver=i915drmfb
 * crc is the CRC-32 of what was drawn, readback of what the frame buffer then held: width*height little-endian
 * pixels 00RRGGBB. Status 0 when they agree.
 */
#include "xg.h"
#include <linux/fb.h>
#include <linux/kd.h>

static uint32_t crc_table[256];

static void make_crc_table(void)
{
	uint32_t n, c;
	int k;

	for (n = 0; n < 256; n++) {
		for (c = n, k = 0; k < 8; k++)
			c = c & 1 ? 0xedb88320u ^ c >> 1 : c >> 1;
		crc_table[n] = c;
	}
}

static uint32_t crc_pixel(uint32_t c, uint32_t pixel)
{
	c = crc_table[(c ^ pixel) & 255] ^ c >> 8;
	c = crc_table[(c ^ pixel >> 8) & 255] ^ c >> 8;
	c = crc_table[(c ^ pixel >> 16) & 255] ^ c >> 8;
	return crc_table[(c ^ pixel >> 24) & 255] ^ c >> 8;
}

/* Gradients a person can recognise and a white grid every 64 pixels; else no colour comes twice in 4096x4096 pixels. */
static uint32_t pattern_pixel(uint32_t x, uint32_t y, uint32_t seed)
{
	uint32_t red, green, blue;

	if (x % 64 == 0 || y % 64 == 0)
		return 0xffffff;
	red = (x + seed * 7) & 255;
	green = (y * 3 + seed * 5) & 255;
	blue = ((x ^ y) + (x >> 8) * 16 + (y >> 8) + seed * 13) & 255;
	return red << 16 | green << 8 | blue;
}

static void console_mode(int mode)
{
	int fd = open("/dev/tty0", O_RDWR | O_CLOEXEC);

	if (fd < 0 || ioctl(fd, KDSETMODE, mode) < 0)
		fprintf(stderr, "fbpattern: console mode not changed: %s\n", strerror(errno));
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	const char *path = "/dev/fb0";
	struct fb_var_screeninfo var;
	struct fb_fix_screeninfo fix;
	uint32_t seed = 1, x, y, drawn = ~0u, held = ~0u, *row;
	int option, keep = 0, text = 0, fd;
	char *memory, id[17];
	off_t first;

	xg_name = "fbpattern";
	while ((option = getopt(argc, argv, "f:s:nt")) != -1) {
		switch (option) {
		case 'f': path = optarg; break;
		case 's': seed = strtoul(optarg, NULL, 0); break;
		case 'n': keep = 1; break;
		case 't': text = 1; break;
		default:
			fprintf(stderr, "usage: fbpattern [-f /dev/fb0] [-s seed] [-n] [-t]\n");
			return 2;
		}
	}
	if (text) {
		console_mode(KD_TEXT);
		return 0;
	}
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		xg_die(path);
	xg_ioctl(fd, FBIOGET_VSCREENINFO, &var, "FBIOGET_VSCREENINFO");
	xg_ioctl(fd, FBIOGET_FSCREENINFO, &fix, "FBIOGET_FSCREENINFO");
	if (var.bits_per_pixel != 32) {
		fprintf(stderr, "fbpattern: %u bits a pixel; only 32 is known\n", var.bits_per_pixel);
		return 1;
	}
	if (!keep)
		console_mode(KD_GRAPHICS);
	memory = mmap(NULL, fix.smem_len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		xg_die("mmap");
	first = (off_t)var.yoffset * fix.line_length + var.xoffset * 4;
	make_crc_table();
	for (y = 0; y < var.yres; y++) {
		row = (uint32_t *)(memory + first + (off_t)y * fix.line_length);
		for (x = 0; x < var.xres; x++) {
			uint32_t pixel = pattern_pixel(x, y, seed);
			row[x] = pixel;
			drawn = crc_pixel(drawn, pixel);
		}
	}
	for (y = 0; y < var.yres; y++) {
		row = (uint32_t *)(memory + first + (off_t)y * fix.line_length);
		for (x = 0; x < var.xres; x++)
			held = crc_pixel(held, row[x] & 0xffffff);
	}
	memcpy(id, fix.id, 16);
	id[16] = 0;
	printf("fbpattern: %ux%u stride=%u bpp=%u seed=%u crc=%08x readback=%08x driver=%s\n", var.xres, var.yres,
	       fix.line_length, var.bits_per_pixel, seed, ~drawn, ~held, id);
	return drawn != held;
}
