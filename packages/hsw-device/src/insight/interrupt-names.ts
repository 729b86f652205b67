/** Bits of the four interrupt sets by name. PRM vol.2c "Interrupt"; i915 `DE_*_IVB`, `SDE_*_CPT`. */
type Bits = Readonly<Record<number, string>>;

function perPipe(first: number, name: string): (readonly [number, string])[] {
  return ['A', 'B', 'C'].map((pipe, i) => [first + i * 5, `PIPE_${pipe}_${name}`]);
}

const DE: Bits = {
  ...Object.fromEntries([
    ...perPipe(0, 'VBLANK'),
    ...perPipe(1, 'VSYNC'),
    ...perPipe(2, 'LINE_COMPARE'),
    ...perPipe(3, 'PRIMARY_FLIP_DONE'),
    ...perPipe(4, 'SPRITE_FLIP_DONE'),
  ]),
  19: 'EDP_PSR',
  26: 'AUX_A',
  27: 'DDI_A_HOTPLUG',
  28: 'PCH_EVENT',
  29: 'GSE',
  30: 'ERR_INT',
  31: 'MASTER',
};

const GT: Bits = {
  0: 'RCS_USER',
  2: 'RCS_SYNC_STATUS',
  3: 'RCS_ERROR',
  4: 'RCS_PIPE_CONTROL',
  5: 'L3_PARITY',
  6: 'RCS_WATCHDOG',
  7: 'RCS_PAGE_FAULT',
  8: 'RCS_CONTEXT_SWITCH',
  9: 'RCS_MONITOR_BUFFER',
  11: 'L3_PARITY_S1',
  12: 'VCS_USER',
  15: 'VCS_ERROR',
  16: 'VCS_FLUSH',
  18: 'VCS_WATCHDOG',
  19: 'VCS_PAGE_FAULT',
  20: 'VCS_CONTEXT_SWITCH',
  22: 'BCS_USER',
  25: 'BCS_ERROR',
  26: 'BCS_FLUSH',
  29: 'BCS_PAGE_FAULT',
  30: 'BCS_CONTEXT_SWITCH',
};

const PM: Bits = {
  1: 'RP_DOWN_EI',
  2: 'RP_UP_EI',
  4: 'RP_DOWN_THRESHOLD',
  5: 'RP_UP_THRESHOLD',
  6: 'RP_DOWN_TIMEOUT',
  10: 'VECS_USER',
  12: 'VECS_ERROR',
  13: 'VECS_FLUSH',
};

const PCH: Bits = {
  16: 'PCH_ERROR',
  17: 'GMBUS',
  19: 'CRT_HOTPLUG',
  21: 'DDI_B_HOTPLUG',
  22: 'DDI_C_HOTPLUG',
  23: 'DDI_D_HOTPLUG',
  25: 'AUX_B',
  26: 'AUX_C',
  27: 'AUX_D',
  29: 'AUDIO_POWER_B',
  30: 'AUDIO_POWER_C',
  31: 'AUDIO_POWER_D',
};

export type InterruptSet = 'DE' | 'GT' | 'PM' | 'PCH';
const SETS: Readonly<Record<InterruptSet, Bits>> = { DE, GT, PM, PCH };

/** Names of the set bits of a set's register, lowest first; a bit without one is `bit N`. */
export function interruptNames(set: InterruptSet, bits: number): string[] {
  const names: string[] = [];
  for (let bit = 0; bit < 32; bit++) {
    if ((bits & (1 << bit)) !== 0) names.push(SETS[set][bit] ?? `bit ${bit}`);
  }
  return names;
}
