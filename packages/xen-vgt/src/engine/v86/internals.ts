// The parts of v86 0.5.462 that this engine reaches into. Property names are not mangled in its
// release build. One list, so that a change of v86 shows in one place.

/** A table entry of v86's I/O ports. Writes are told the data only, reads the port's number. */
export interface PortEntry {
  read8: (this: unknown, port: number) => number;
  read16: (this: unknown, port: number) => number;
  read32: (this: unknown, port: number) => number;
  write8: (this: unknown, value: number) => void;
  write16: (this: unknown, value: number) => void;
  write32: (this: unknown, value: number) => void;
  device: unknown;
}

export type MmapRead = (address: number) => number;
export type MmapWrite = (address: number, value: number) => void;

export interface V86Pci {
  /** The dword last written to port 0xcf8. */
  readonly pci_addr32: Int32Array;
  readonly device_spaces: (Int32Array | undefined)[];
  readonly devices: ({ readonly pci_bars: (object | undefined)[] } | undefined)[];
  /** The ISA bridge's space as bytes; PIRQ routes at 0x60. */
  readonly isa_bridge_space8: Uint8Array;
  pci_write8(address: number, value: number): void;
  pci_write16(address: number, value: number): void;
  pci_write32(address: number, value: number): void;
}

/** PIIX4 power management. */
export interface V86Acpi {
  pm1_status: number;
  readonly pm1_enable: number;
  /** The timer never reads less than this, whatever the clock says. */
  timer_last_value: number;
  /** Called between runs of instructions. @returns milliseconds until it wants to be called again */
  timer(now: number): number;
}

/** The real-time clock. */
export interface V86Rtc {
  /** Host time of the alarm, milliseconds; 0 when none is set or it went off. */
  next_interrupt_alarm: number;
  /** The date that it shows, milliseconds since 1970. */
  rtc_time: number;
  /** Host time of the latest {@link timer}, milliseconds. */
  readonly last_update: number;
  /** As {@link V86Acpi.timer}. */
  timer(now: number, legacy: boolean): number;
}

export interface V86Cpu {
  readonly wasm_memory: { readonly buffer: ArrayBufferLike };
  readonly memory_size: ArrayLike<number>;
  readonly mem8: Uint8Array;
  readonly devices: {
    readonly pci: V86Pci;
    readonly acpi?: V86Acpi;
    readonly rtc: V86Rtc;
    readonly uart0: { readonly input: ArrayLike<number> };
    readonly vga: { readonly vga_memory_size: number; readonly svga_memory: Uint8Array };
  };
  readonly io: { readonly ports: PortEntry[] };
  /** Files that firmware finds by QEMU's configuration interface; the names of ROMs begin with `vgaroms/`. */
  readonly option_roms: { readonly name: string; readonly data: Uint8Array }[];
  readonly memory_map_read8: (MmapRead | undefined)[];
  readonly memory_map_write8: (MmapWrite | undefined)[];
  readonly memory_map_read32: (MmapRead | undefined)[];
  readonly memory_map_write32: (MmapWrite | undefined)[];
  readonly jit_imports: Record<string, unknown>;
  readonly wm: { readonly wasm_table: { set(index: number, f: unknown): void } };
  mmap_write16: MmapWrite;
  /** MOVQ and MOVDQ stores, lowest dword first. */
  mmap_write64: (address: number, v0: number, v1: number) => void;
  mmap_write128: (address: number, v0: number, v1: number, v2: number, v3: number) => void;
  /** Executes up to about a millisecond. @returns milliseconds until it wants to run again */
  main_loop(): number;
  run_hardware_timers(acpi: number, now: number): number;
  reboot_internal(): void;
  codegen_finalize(index: number, start: number, flags: number, at: number, length: number): void;
  codegen_finalize_finished(index: number, start: number, flags: number): void;
  device_raise_irq(irq: number): void;
  device_lower_irq(irq: number): void;
  get_apic_addr(): number;
  get_ioapic_addr(): number;
  get_pic_addr_master(): number;
  get_pic_addr_slave(): number;
  jit_dirty_cache(start: number, end: number): void;
  /** RAM as part of a state; a method of the class, so that `delete` brings it back. */
  pack_memory?: () => { bitmap: { get_buffer(): ArrayBuffer }; packed_memory: Uint8Array };
  unpack_memory?: () => void;
  /** Guest-physical addresses, whole pages. */
  zero_memory(at: number, bytes: number): void;
  is_memory_zeroed(at: number, bytes: number): boolean | number;
}

/** v86's run loop. */
export interface V86Loop {
  /** The class has v86's clock, milliseconds; its JavaScript devices read it. */
  readonly constructor: { microtick: () => number };
  readonly cpu: V86Cpu;
  running: boolean;
  stopping: boolean;
  idle: boolean;
  next_tick(delayMs: number): void;
  /** How {@link next_tick} has `yield_callback(tick)` called, after `delayMs` or, below 1, soon. */
  yield(delayMs: number, tick: number): void;
  yield_callback(tick: number): void;
  do_tick(): void;
  save_state(): ArrayBuffer;
  restore_state(state: ArrayBuffer): void;
  destroy(): void;
}

/** The object that `new V86()` makes. */
export interface V86Machine {
  readonly v86: V86Loop;
  readonly bus: { send(name: string, value?: unknown): void };
  add_listener(event: string, listener: (value: never) => void): void;
}

/** What the main module imports as `env`, as far as we replace it. */
export interface V86Env {
  /** v86's clock, milliseconds: processor and timers read it. */
  microtick: () => number;
  console_log_from_wasm(at: number, length: number): void;
}

/** Bits of a block of v86's memory map: 128 KiB. v86: MMAP_BLOCK_BITS. */
export const BLOCK_BITS = 17;
/** Where JIT code begins in the function table. v86: WASM_TABLE_OFFSET. */
export const JIT_TABLE_OFFSET = 1024;
/** Where v86 answers its VGA's linear frame buffer, inside the wasm code. v86: VGA_LFB_ADDRESS. */
export const VGA_WINDOW = 0xe0000000;
/** The hole in RAM where v86 calls out for every access: the legacy VGA's memory. */
export const LEGACY_VGA_START = 0xa0000,
  LEGACY_VGA_END = 0xc0000;
/** From here to 4 GiB: VGA ROM, IOAPIC, LAPIC and BIOS. v86: vga.js `pci_rom_address`. */
export const PLATFORM_TOP = 0xfeb00000;
/** Byte addresses of processor state in wasm memory. v86: global_pointers.rs. */
export const STATE_FLAGS = 120,
  STATE_IDTR_SIZE = 564,
  STATE_CR0 = 580,
  STATE_IN_HLT = 616,
  STATE_INSTRUCTIONS = 664;
/** Instructions that v86 runs before it comes to a safe point. v86: LOOP_COUNTER. */
export const SLICE_INSTRUCTIONS = 100_003;
/** EFLAGS.IF. */
export const FLAG_IF = 0x200;

/** The little of the WebAssembly API that is used; not part of the ES library types. */
export interface WasmApi {
  instantiate(
    code: Uint8Array<ArrayBuffer>,
    imports: Record<string, unknown>,
  ): Promise<{ instance: { exports: Record<string, unknown> } }>;
}
