import { COMMAND_MAX, COMMANDS, type CommandRow } from '@xengt/hsw-device';

/** What the scanner does about a command. Everything else is checked for engine and length only. */
export const PLAIN = 0,
  USER_INTERRUPT = 1,
  BATCH_START = 4,
  BATCH_END = 5,
  SET_CONTEXT = 7,
  LOAD_IMM = 8,
  LOAD_MEM = 9,
  LOAD_REG = 10,
  STORE_REG = 11,
  FORBIDDEN = 12,
  STORE_IMM = 13,
  FLUSH_DW = 14,
  PIPE_CONTROL = 15,
  SEMAPHORE = 16,
  CONDITIONAL_END = 17,
  PERF_COUNT = 18,
  CLFLUSH = 19;

/** Commands that can reach beyond what the VM owns, or that the scanner must follow. */
const ACTION_BY_NAME: Readonly<Record<string, number>> = {
  MI_USER_INTERRUPT: USER_INTERRUPT,
  MI_BATCH_BUFFER_START: BATCH_START,
  MI_BATCH_BUFFER_END: BATCH_END,
  MI_SET_CONTEXT: SET_CONTEXT,
  MI_LOAD_REGISTER_IMM: LOAD_IMM,
  MI_LOAD_REGISTER_MEM: LOAD_MEM,
  MI_LOAD_REGISTER_REG: LOAD_REG,
  MI_STORE_REGISTER_MEM: STORE_REG,
  MI_UPDATE_GTT: FORBIDDEN,
  // They move data between memory and what all VMs share of the render engine.
  MI_LOAD_URB_MEM: FORBIDDEN,
  MI_STORE_URB_MEM: FORBIDDEN,
  MI_RS_STORE_DATA_IMM: FORBIDDEN,
  MI_STORE_DATA_IMM: STORE_IMM,
  MI_FLUSH_DW: FLUSH_DW,
  PIPE_CONTROL: PIPE_CONTROL,
  MI_SEMAPHORE_MBOX: SEMAPHORE,
  MI_CONDITIONAL_BATCH_BUFFER_END: CONDITIONAL_END,
  MI_REPORT_PERF_COUNT: PERF_COUNT,
  MI_CLFLUSH: CLFLUSH,
};

/** Action by row of the device's COMMANDS: the scanner and the executor read one table. */
export const ACTIONS: Uint8Array = Uint8Array.from(
  COMMANDS,
  (row) => ACTION_BY_NAME[row.name] ?? PLAIN,
);

/** Outcomes of one command's check. */
export const GO_ON = 0,
  END = 1,
  STOP = 2;

/**
 * Commands of which nothing is checked but engine and length, by engine and what `commandTable` says
 * of a header (row + 1): most of what a driver submits is passed with these two look-ups, in the
 * table that the engine will use next and in a few hundred bytes. A length in dwords; or the mask
 * of the length field, negative; 0 for whatever is looked at.
 */
export const PLAIN_LENGTHS: readonly Int16Array[] = [0, 1, 2, 3].map((engine) =>
  Int16Array.of(0, ...COMMANDS.map((row, index) => plainEntry(row, index, 1 << engine))),
);

function plainEntry(row: CommandRow, index: number, on: number): number {
  if (ACTIONS[index] !== PLAIN || (row.on & on) === 0) return 0;
  const { length } = row;
  if ('fixed' in length && length.fixed !== 0) return length.fixed;
  const mask = 'mask' in length ? length.mask : 0;
  return mask + 2 <= COMMAND_MAX ? -mask : 0;
}

/** Dwords of a command by its entry in {@link PLAIN_LENGTHS}, which is not 0. */
export function plainLength(entry: number, header: number): number {
  return entry > 0 ? entry : (header & -entry) + 2;
}

/** MI_BATCH_BUFFER_START, HSW. i915 `MI_BATCH_PPGTT_HSW`, `MI_BATCH_NON_SECURE_HSW`. */
export const BB_SECOND_LEVEL = 0x400000,
  BB_ADD_OFFSET = 0x10000,
  BB_PREDICATE = 0x8000,
  BB_NON_PRIVILEGED = 0x2000,
  BB_PPGTT = 0x100;
/**
 * What takes privilege from a batch, by engine: only the render engine has a bit of its own, for the
 * others that of the address space says both. i915 `MI_BATCH_NON_SECURE_I965`.
 */
const EITHER: number = BB_NON_PRIVILEGED | BB_PPGTT;
export const BB_USER: readonly number[] = [BB_NON_PRIVILEGED, EITHER, EITHER, EITHER];
/** MI_LOAD_REGISTER_IMM 11:8 keep bytes of a register as they are. */
export const LRI_KEEP_BYTES = 0xf00;
/** PIPE_CONTROL dword 1 23: the post-sync operation writes a register. i915 `PIPE_CONTROL_MMIO_WRITE`. */
export const PC_LOAD_REGISTER = 0x800000;
/** Header bit 22 of MI stores and loads: the address is in the GGTT. i915 `MI_USE_GGTT`. */
export const MI_USE_GGTT = 0x400000;

/**
 * Set-up of the observation unit that a driver loads by command when a metric set begins: triggers and
 * conditions of counters, multiplexers of the network. First and last of each run; none holds an
 * address. i915 `gen7_oa_b_counters`, `gen7_oa_mux_regs`, `hsw_oa_mux_regs`.
 */
// biome-ignore format: one run a line
const OBSERVATION_RUNS: readonly (readonly [first: number, last: number])[] = [
  [0x02710, 0x0272c], [0x02740, 0x0275c], [0x02770, 0x027ac],
  [0x091b8, 0x091cc], [0x09800, 0x09888],
  [0x09e80, 0x09ea4], [0x09ec0, 0x09ec0], [0x25100, 0x2ff90],
];

/** Whether a register is of {@link OBSERVATION_RUNS}. */
export function isObservation(register: number): boolean {
  for (const [first, last] of OBSERVATION_RUNS) {
    if (register >= first && register <= last) return true;
  }
  return false;
}

/**
 * Registers for waiting on the display, which a driver loads by command around MI_WAIT_FOR_EVENT:
 * FORCEWAKE_MT, DERRMR, DE_LOAD_SL of the three pipes. i915 `hsw_master_regs` lets them through.
 */
export const DISPLAY_REGISTERS: ReadonlySet<number> = new Set([
  0xa188, 0x44050, 0x70068, 0x71068, 0x72068,
]);
