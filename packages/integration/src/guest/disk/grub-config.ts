/** Where GRUB's own files are on the disk, and how GRUB calls that place. */
export const GRUB_HOME = 'boot/grub';
export const GRUB_PREFIX: string = `(hd0,msdos1)/${GRUB_HOME}`;

/** Modules inside the core image; GRUB loads others from the disk when a command needs them. */
export const CORE_MODULES: readonly string[] = [
  'biosdisk',
  'part_msdos',
  'fat',
  'normal',
  'configfile',
  'echo',
  'test',
  'linux',
  'video',
  'vbe',
  'font',
  'png',
  'gfxterm',
  'gfxterm_background',
  'reboot',
  'halt',
];

/** Sizes that the menu can be shown at, pixels. */
export const MENU_SIZES = ['640x480', '1024x768', '1920x1080'] as const;

export interface GrubMenu {
  readonly kernelRelease: string;
  /** Words of the kernel's command line. */
  readonly cmdline: readonly string[];
  /** Size the menu begins with, e.g. `1024x768`; GRUB's `auto` comes after it. */
  readonly gfxmode: string;
  /** Seconds until the first entry starts by itself; -1 waits for a key. */
  readonly timeout: number;
}

/**
 * The menu: a kernel with i915 and one without, which keep the mode that the menu has, then other
 * sizes of the menu itself.
 */
export function grubConfig(menu: GrubMenu): string {
  const kernel = (more: string): string[] => [
    `  linux /boot/vmlinuz ${[...menu.cmdline, more].join(' ').trim()}`,
    '  initrd /boot/initrd.img',
  ];
  const entry = (title: string, lines: readonly string[]): string[] => [
    `menuentry '${title}' {`,
    ...lines,
    '}',
  ];
  const title = `Debian GNU/Linux, with Linux ${menu.kernelRelease}`;
  return [
    `set timeout=${menu.timeout}`,
    'set default=0',
    'set gfxpayload=keep',
    `loadfont /${GRUB_HOME}/fonts/unicode.pf2`,
    'function show_menu_at {',
    '  terminal_output console',
    '  set gfxmode=$1,auto',
    '  terminal_output gfxterm',
    `  background_image /${GRUB_HOME}/background.png`,
    '}',
    'terminal_input console',
    `show_menu_at ${menu.gfxmode}`,
    'set color_normal=light-gray/black',
    'set menu_color_normal=white/black',
    'set menu_color_highlight=black/light-cyan',
    ...entry(title, kernel('xengt.modprobe=i915')),
    ...entry(`${title}, without a graphics driver`, kernel('')),
    ...MENU_SIZES.flatMap((size) => entry(`This menu at ${size}`, [`  show_menu_at ${size}`])),
    ...entry('Restart', ['  reboot']),
    ...entry('Power off', ['  halt']),
    '',
  ].join('\n');
}
