import type { Explanation } from './explained.ts';

const SKIPPED = ['skip'] as const;
const FAILED = ['fail'] as const;

/** Reasons of tests of display. */
// biome-ignore format: one reason a row
export const KMS_EXPLANATIONS: readonly Explanation[] = [
  // What the device leaves out.
  { tests: 'igt@kms_draw_crc@draw-method-render', said: /igt_assert_crc_equal/, outcomes: FAILED, because: 'draws with shaders, which the device does not execute' },
  { tests: 'igt@kms_big_fb@x-tiled-max-hw-stride-*-async-flip', said: /crc shouldn't match/, outcomes: FAILED, because: 'fills with shaders, which the device does not execute, the two pictures that it wants to tell apart' },
  // What no Haswell has.
  { tests: 'igt@kms_cursor_crc@cursor-*-{32x32,32x10}', said: /^$/, outcomes: SKIPPED, because: 'cursors are 64, 128 or 256 pixels wide' },
  { tests: 'igt@kms_cursor_crc@cursor-*-{512x512,512x170}', said: /cursor_max_w/, outcomes: SKIPPED, because: 'cursors are up to 256 pixels wide' },
  { tests: 'igt@kms_cursor_crc@cursor-*-max-size', said: /^$/, outcomes: SKIPPED, because: 'the largest cursor, 256x256, has subtests of its own' },
  { tests: 'igt@kms_{plane_multiple@{,2x-}tiling,plane_lowres@tiling}-{y,yf,4}', said: /^$|igt_display_has_format_mod/, outcomes: SKIPPED, because: 'planes scan out Y tiles and other tilings than X since gen9' },
  { tests: 'igt@kms_big_fb@*-rotate-{90,270}', said: /^$/, outcomes: SKIPPED, because: 'planes turn a picture by a quarter since gen9' },
  { tests: 'igt@kms_big_fb@*-hflip{,-async-flip}', said: /^$|>= 35/, outcomes: SKIPPED, because: 'planes mirror pictures since gen11' },
  { tests: 'igt@kms_big_fb@x-tiled-addfb-size-offset-overflow', said: /NV12/, outcomes: SKIPPED, because: 'planes scan out NV12 since gen9' },
  { tests: 'igt@kms_setmode@invalid-clone-exclusive-crtc', said: /^$/, outcomes: SKIPPED, because: 'wants outputs that a pipe cannot drive; on a Haswell each pipe drives any' },
  { tests: 'igt@kms_atomic@atomic-plane-damage', said: /^$/, outcomes: SKIPPED, because: 'i915 takes damage rectangles for panels that refresh in part, display version 12 and later' },
  { tests: 'igt@kms_atomic@plane-primary-overlay-mutable-zpos', said: /^$/, outcomes: SKIPPED, because: "the order of i915's planes is fixed" },
  { tests: 'igt@kms_addfb_basic@invalid-smem-bo-on-discrete', said: /dgfx/, outcomes: SKIPPED, because: 'for discrete GPUs' },
  { tests: 'igt@kms_plane_scaling{,@*}', outcomes: SKIPPED, because: "Haswell's planes do not scale" },
  { tests: 'igt@kms_plane_alpha_blend{,@*}', outcomes: SKIPPED, because: "Haswell's planes have no alpha to set: i915 offers it since gen9" },
  { tests: 'igt@kms_{getfb,pipe_crc_basic,plane,plane_lowres}@*', said: /NV12|plane_format/, outcomes: SKIPPED, because: 'planes scan out NV12 since gen9' },
  { tests: 'igt@kms_content_protection{,@*}', outcomes: SKIPPED, because: 'i915 protects content with HDCP since gen9' },
  { tests: 'igt@kms_pm_dc{,@*}', outcomes: SKIPPED, because: 'display power states DC3 to DC9 are of gen9 and later; needs a DMC' },
  { tests: 'igt@kms_cdclk{,@*}', outcomes: SKIPPED, because: 'display clocks are crawled and squashed since display version 13' },
  { tests: 'igt@kms_pipe_b_c_ivb{,@*}', outcomes: SKIPPED, because: "for Ivy Bridge, whose pipes B and C share a link's lanes" },
  { tests: 'igt@kms_tv_load_detect{,@*}', outcomes: SKIPPED, because: 'Haswell has no TV output' },
  { tests: 'igt@kms_tiled_display@basic-test-pattern', said: /Mistimed page flip/, outcomes: FAILED, because: "i915 runs the pipes of a tiled display in step since gen9; Haswell's pipes are lit one after the other" },
  { tests: 'igt@kms_explicit_fence{,@*}', outcomes: SKIPPED, because: 'needs two overlay planes on a pipe; Haswell has one' },
  { tests: 'igt@kms_{plane,big_fb,addfb_basic,rotation_crc,flip_tiling,flip}@*{4-tiled,y-tiled,yf-tiled,ccs}*', outcomes: SKIPPED, because: 'planes scan out Y tiles, other tilings and compressed buffers since gen9' },
  { tests: 'igt@kms_plane@planar-*', outcomes: SKIPPED, because: 'planes scan out planar formats since gen9' },
  { tests: 'igt@kms_universal_plane@universal-plane-pageflip-windowed', outcomes: SKIPPED, because: 'primary planes have a size of their own since gen9' },
  // What the machine or its monitors have not.
  { tests: 'igt@kms_atomic_transition@*-internal-panels', said: /^$/, outcomes: SKIPPED, because: 'needs a built-in panel; this desktop board has none' },
  { tests: 'igt@kms_tiled_display@basic-test-pattern-with-chamelium', outcomes: ['absent'], because: 'needs a Chamelium board; Debian builds IGT without it' },
  { tests: 'igt@kms_{psr,psr_stress_test}{,@*}', outcomes: SKIPPED, because: 'needs an eDP panel with self-refresh; this desktop board has none' },
  { tests: 'igt@kms_feature_discovery@{psr*,display-4x,dp-mst,chamelium}', outcomes: ['skip', 'absent'], because: 'tells what the machine has not: a panel with self-refresh, four monitors, a DisplayPort hub, a Chamelium board' },
  { tests: 'igt@kms_{panel_fitting,scaling_modes}{,@*}', outcomes: SKIPPED, because: 'i915 scales for panels (eDP, LVDS) only; this desktop board has none' },
  { tests: 'igt@kms_dirtyfb@drrs-*', outcomes: SKIPPED, because: 'needs a panel of two refresh rates; this desktop board has none' },
  { tests: 'igt@kms_dirtyfb@psr-*', outcomes: SKIPPED, because: 'needs an eDP panel with self-refresh; this desktop board has none' },
  { tests: 'igt@kms_{frontbuffer_tracking,dirtyfb,fbcon_fbt}@*fbc*', outcomes: SKIPPED, because: 'frame buffer compression needs stolen memory, which i915 leaves alone on gen7 under a hypervisor ("DMAR active")' },
  { tests: 'igt@kms_{frontbuffer_tracking,fbcon_fbt}@*psr*', outcomes: SKIPPED, because: 'needs an eDP panel with self-refresh; this desktop board has none' },
  { tests: 'igt@kms_frontbuffer_tracking@*drrs*', outcomes: SKIPPED, because: 'needs a panel of two refresh rates; this desktop board has none' },
  { tests: 'igt@kms_frontbuffer_tracking@*hdr*', outcomes: SKIPPED, because: 'Haswell has no HDR output' },
  { tests: 'igt@kms_mst{,@*}', outcomes: SKIPPED, because: 'needs a DisplayPort hub of several streams' },
  { tests: 'igt@kms_pm_lpsp@kms-lpsp', outcomes: SKIPPED, because: "needs an eDP panel on pipe A: nothing else is lit from Haswell's always-on well alone" },
  { tests: 'igt@kms_prime@{*hybrid,d3hot,D3hot}', outcomes: SKIPPED, because: 'needs two GPUs' },
  // What Debian's kernel has not, or is built without.
  { tests: 'igt@kms_cursor_crc@cursor-size-hints', said: /SIZE_HINTS/, outcomes: SKIPPED, because: 'Linux 6.1 does not tell which sizes of cursors are good ones' },
  { tests: 'igt@kms_busy@extended-modeset-hang-*-with-reset', said: /intel_display_reset_count/, outcomes: FAILED, because: 'reads intel_display_reset_count of debugfs, which Linux 6.1 has not' },
  { tests: 'igt@kms_color_pipeline{,@*}', outcomes: SKIPPED, because: 'needs colour pipelines of planes, which Linux 6.1 does not offer' },
  { tests: 'igt@kms_async_flips@*-atomic', said: /ret >= 0/, outcomes: SKIPPED, because: 'Linux 6.1 has no asynchronous flips by atomic commits' },
  { tests: 'igt@kms_{dp_linktrain_fallback,dp_link_training}{,@*}', said: /ignore_long_hpd|force_link|debugfs/, outcomes: ['fail', 'skip'], because: 'needs files of debugfs (i915_ignore_long_hpd and others) that Linux 6.1 has not' },
  { tests: 'igt@kms_color@ctm-*', said: /^igt_crtc_commit: error: -22 != 0/, outcomes: FAILED, because: 'sets a gamma table of 256 entries beside a colour matrix; i915 of Linux 6.1 takes 1,024 there' },
  { tests: 'igt@kms_color@*-lut-sizes', said: /^passes alone/, outcomes: ['warn'], because: 'subtests of matrices that failed before it leave their colours behind; it passes alone' },
  { tests: 'igt@kms_async_flips@{*linear*,invalid-async-flip}', outcomes: ['fail', 'skip'], because: 'i915 of Linux 6.1 flips X tiles alone asynchronously; this version of IGT expects linear buffers too' },
  { tests: 'igt@kms_async_flips@{crc,alternate-sync-async-flip,async-flip-suspend-resume}', said: /flip_count|flip_interval|fps/, outcomes: FAILED, because: 'wants two to five flips a frame; an emulated CPU makes one or two' },
  { tests: 'igt@kms_async_flips@basic-modeset-with-all-modifiers-formats', said: /ret == 0/, outcomes: FAILED, because: 'begins with C8, which i915 shows with a palette only; IGT sets none, and keeps those buffers for the other formats' },
  { tests: 'igt@kms_big_fb@linear-max-hw-stride-64bpp-rotate-{0,180}', said: /^passes alone/, outcomes: ['warn'], because: 'in one process with the others IGT takes the buffer that it made for 32 bits a pixel, and stops at that; it passes alone' },
  // 32 bits, and a guest of busybox.
  { tests: 'igt@kms_plane@pixel-format-*', said: /^\[drm:drm_crtc_add_crc_entry \[drm\]\] \*ERROR\* Overflow of CRC buffer/, outcomes: ['warn'], because: 'an emulated CPU draws pictures of some formats for longer than the 128 frames whose CRCs the kernel keeps' },
  { tests: 'igt@kms_cursor_legacy@cursor-vs-flip-*', said: /fail_count == 0/, outcomes: FAILED, because: 'wants half as many cursor updates beside flips as without, within single frames: more than an emulated CPU makes at times' },
  { tests: 'igt@kms_cursor_legacy@*', said: /cursor_slowpath/, outcomes: SKIPPED, because: "i915 has no fast path for cursors of changing size here; the test is of that path" },
  { tests: 'igt@kms_lease@invalid-create-leases', said: /-75|create_lease/, outcomes: FAILED, because: 'expects ENOMEM for 2^30 objects, as 64-bit kernels say; in 32 bits their size overflows and the kernel says EOVERFLOW' },
  { tests: 'igt@kms_lease@lease-uevent', said: /lease_change_detected/, outcomes: FAILED, because: "listens to udevd's messages, and the guest has no udevd" },
];
