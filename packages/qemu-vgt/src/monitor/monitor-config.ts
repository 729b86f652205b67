/** Letters of the guest's ports, in the order of their numbers in a file. */
const PORTS = ['A', 'B', 'C', 'D', 'E'] as const;
export type MonitorPort = (typeof PORTS)[number];

/** Bytes of an EDID base block, and of a record: port, override, EDID. */
const EDID_BYTES = 128,
  RECORD_BYTES = 2 + EDID_BYTES;
/** EDID byte that counts extension blocks. */
const EDID_EXTENSIONS = 126;
const MAX_RECORDS = 3;

/** One monitor of a guest. */
export interface MonitorRecord {
  /** The guest's port. */
  readonly port: MonitorPort;
  /** The physical port it follows. */
  readonly override: MonitorPort;
  /** A DisplayPort monitor; meaningful for B, C and D. */
  readonly dp: boolean;
  /** 128 bytes. */
  readonly edid: Uint8Array;
}

export interface MonitorConfig {
  readonly records: readonly MonitorRecord[];
  /** What is wrong, each a sentence; when there is any, `records` is empty and nothing is written. */
  readonly issues: readonly string[];
}

/** One write into the mediator's control tree. */
export interface ControlWrite {
  /** Path below the tree's root, e.g. `vm1/PORT_B/type`. */
  readonly path: string;
  readonly data: string | Uint8Array;
}

/**
 * The mediator's monitor type numbers: 0 CRT, 1 DP A, 2..4 DP B..D, 5..7 HDMI B..D.
 * QEMU patch `port_info_to_type`, kernel `vgt_port_type`.
 */
export function monitorType(port: MonitorPort, dp: boolean): number {
  const n = PORTS.indexOf(port);
  if (port === 'E') return 0;
  if (port === 'A') return 1;
  return dp ? 1 + n : 4 + n;
}

/**
 * Reads a monitor configuration file: the binary form (a zero byte, a count, records) or the text
 * form (hex digits of a count and records; `#` starts a comment, anything else separates).
 * A record is 130 bytes: port number with "is DP" in the high nibble, override port, EDID.
 */
export function parseMonitorConfig(file: Uint8Array): MonitorConfig {
  const binary = file[0] === 0;
  const bytes = binary ? file.subarray(1) : textBytes(file);
  const issues: string[] = [];
  const count = (bytes[0] ?? 0) & (binary ? 0xff : 0xf);
  if (bytes.length === 0) return { records: [], issues: ['the file is empty'] };
  if (count < 1 || count > MAX_RECORDS) {
    return { records: [], issues: [`${count} monitors; a file describes 1 to ${MAX_RECORDS}`] };
  }
  const wanted = 1 + count * RECORD_BYTES;
  if (bytes.length < wanted) {
    const have = bytes.length - 1;
    return {
      records: [],
      issues: [`${count} monitors take ${wanted - 1} bytes, the file has ${have}`],
    };
  }
  const records: MonitorRecord[] = [];
  for (let i = 0; i < count; i++) {
    const r = bytes.subarray(1 + i * RECORD_BYTES, 1 + (i + 1) * RECORD_BYTES);
    const port = PORTS[(r[0] as number) & 0xf];
    const override = PORTS[r[1] as number];
    const edid = r.slice(2);
    const which = `monitor ${i + 1}`;
    if (port === undefined) {
      issues.push(`${which}: port ${(r[0] as number) & 0xf}; ports are 0 (A) to 4 (E)`);
    }
    if (override === undefined) {
      issues.push(`${which}: override port ${r[1]}; ports are 0 (A) to 4 (E)`);
    }
    if (edid[EDID_EXTENSIONS] !== 0) {
      issues.push(`${which}: its EDID has ${edid[EDID_EXTENSIONS]} extension blocks; 0 are taken`);
    }
    if (port === undefined || override === undefined) continue;
    records.push({ port, override, dp: (r[0] as number) >>> 4 !== 0, edid });
  }
  return issues.length > 0 ? { records: [], issues } : { records, issues };
}

const HASH = 0x23,
  NEWLINE = 0x0a;

/** Value of a hex digit's character code; -1 when it is none. */
function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

/** Hex digit pairs of a text file, comments left out. An odd last digit is dropped. */
function textBytes(file: Uint8Array): Uint8Array {
  const bytes: number[] = [];
  let high = -1;
  let comment = false;
  for (const code of file) {
    if (comment) {
      comment = code !== NEWLINE;
      continue;
    }
    comment = code === HASH;
    const digit = hexDigit(code);
    if (digit < 0) continue;
    if (high < 0) high = digit;
    else {
      bytes.push((high << 4) | digit);
      high = -1;
    }
  }
  return Uint8Array.from(bytes);
}

/**
 * The control tree writes that give a guest its monitors: for each record override, type, EDID,
 * then `flush`, in that order.
 */
export function monitorWrites(vm: number, records: readonly MonitorRecord[]): ControlWrite[] {
  return records.flatMap((r): ControlWrite[] => {
    const dir = `vm${vm}/PORT_${r.port}`;
    return [
      { path: `${dir}/port_override`, data: `PORT_${r.override}` },
      { path: `${dir}/type`, data: String(monitorType(r.port, r.dp)) },
      { path: `${dir}/edid`, data: r.edid },
      { path: `${dir}/connection`, data: 'flush' },
    ];
  });
}

/** The text form of a file, with a comment per record. */
export function formatMonitorConfig(records: readonly MonitorRecord[]): string {
  const hex = (b: number): string => b.toString(16).padStart(2, '0');
  const lines = ['# number of monitors', hex(records.length)];
  for (const r of records) {
    lines.push(`# PORT_${r.port}${r.dp ? ', DisplayPort' : ''}, follows PORT_${r.override}`);
    lines.push(
      `${hex(PORTS.indexOf(r.port) | (r.dp ? 0x10 : 0))} ${hex(PORTS.indexOf(r.override))}`,
    );
    for (let at = 0; at < EDID_BYTES; at += 16) {
      lines.push([...r.edid.subarray(at, at + 16)].map(hex).join(' '));
    }
  }
  return `${lines.join('\n')}\n`;
}
