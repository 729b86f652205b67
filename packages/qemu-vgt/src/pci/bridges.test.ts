import { ConfigSpace, headerRows } from '@xengt/hsw-device';
import { describe, expect, test } from 'vitest';
import { FacedFunction, PIIX3_AS_OTHER_BRIDGE } from './face.ts';
import { GGC, HostBridge, I440FX_PAM0, MCHBAR, TOLUD } from './host-bridge.ts';
import { createIsaBridge } from './isa-bridge.ts';
import { platformOf } from './platform.ts';

const MIB = 1 << 20;

function bridge(paging?: () => boolean): HostBridge {
  const { hostBridge: device, hostRevision: revision } = platformOf(0x0412);
  const base = { device, revision, ggc: 0x0208, topOfLowMemory: 512 * MIB };
  return new HostBridge(paging === undefined ? base : { ...base, paging });
}

/** What SeaBIOS 1.16 writes: unlock while it copies itself, lock before it boots from a disk. */
function unlock(b: HostBridge): void {
  b.write(0x58, 4, 0x33333000);
  b.write(0x5c, 4, 0x33333333);
}

describe('host bridge', () => {
  test('control case: firmware meets a 440FX whose PAM registers keep what is written', () => {
    const b = bridge();
    expect(b.read(0, 4)).toBe(0x12378086);
    expect(b.read(0x2c, 4)).toBe(0);
    expect(b.read(I440FX_PAM0, 1)).toBe(0x10);
    unlock(b);
    expect(b.read(0x58, 4)).toBe(0x33333000);
    expect(b.firmware).toBe(true);
  });

  test('[U6] after firmware locked its segment the guest reads the host ids, revision and 0x50', () => {
    const b = bridge();
    unlock(b);
    for (let i = 1; i < 7; i++) b.write(I440FX_PAM0 + i, 1, 0x11);
    expect(b.firmware).toBe(true);
    b.write(I440FX_PAM0, 1, 0x10);
    expect(b.read(0, 4)).toBe(0x0c008086);
    expect(b.read(8, 4)).toBe(0x06000006);
    expect(b.read(GGC, 2)).toBe(0x0208);
    expect(b.read(MCHBAR, 4) & 1).toBe(1);
    expect(b.read(TOLUD, 4)).toBe(512 * MIB);
    expect(b.read(b.read(0x34, 1), 1)).toBe(9);
  });

  test('a kernel that firmware starts before locking is recognised by its paging', () => {
    let paging = false;
    const b = bridge(() => paging);
    unlock(b);
    expect(b.read(2, 2)).toBe(0x1237);
    paging = true;
    expect(b.read(2, 2)).toBe(0x0c00);
    paging = false;
    expect(b.read(2, 2)).toBe(0x0c00);
  });

  test('reset shows the firmware face again', () => {
    const b = bridge();
    b.endFirmware();
    b.reset();
    expect(b.read(2, 2)).toBe(0x1237);
  });

  test('state carries the face; a newer version is refused', () => {
    const a = bridge();
    a.endFirmware();
    const b = bridge();
    expect(b.importState(a.exportState())).toBeNull();
    expect(b.firmware).toBe(false);
    const newer = { ...a.exportState(), version: 2 as 1 };
    expect(b.importState(newer)).toBe('host bridge: state version 2, expected 1');
  });

  test('ids are read-only on both faces', () => {
    const b = bridge();
    b.write(0, 4, -1);
    expect(b.read(0, 4)).toBe(0x12378086);
    b.endFirmware();
    b.write(0, 4, -1);
    expect(b.read(0, 4)).toBe(0x0c008086);
  });
});

describe('ISA bridge', () => {
  test('shows the ids of the host PCH as an ISA bridge that i915 takes for Lynx Point', () => {
    const p = platformOf(0x0412);
    const isa = createIsaBridge({ vendor: 0x8086, device: p.pch, revision: p.pchRevision });
    expect(isa.read(0, 4) >>> 0).toBe(0x8c4e8086);
    expect(isa.read(8, 4)).toBe(0x06010005);
    expect(isa.read(2, 2) & 0xff80).toBe(0x8c00);
    for (let at = 0x10; at < 0x28; at += 4) {
      isa.write(at, 4, -1);
      expect(isa.read(at, 4)).toBe(0);
    }
  });

  test('[U5] a bridge of another vendor is refused', () => {
    expect(() => createIsaBridge({ vendor: 0x1022, device: 0x790e, revision: 0 })).toThrow(
      "the host's ISA bridge has vendor 0x1022; a PCH has 0x8086",
    );
  });

  test('PIIX3 stops being an ISA bridge once firmware is done, and keeps its registers', () => {
    const piix = new ConfigSpace('piix3', [
      ...headerRows({ vendor: 0x8086, device: 0x7000, revision: 0, classCode: 0x060100 }),
      { name: 'PIRQA', offset: 0x60, width: 1, rw: 0xff, src: 'test' },
    ]);
    let done = false;
    const shown = new FacedFunction(piix, PIIX3_AS_OTHER_BRIDGE, () => done);
    expect(shown.read(0x0a, 2)).toBe(0x0601);
    done = true;
    expect(shown.read(0x0a, 2)).toBe(0x0680);
    expect(shown.read(0x08, 4)).toBe(0x06800000);
    expect(shown.read(0x0b, 1)).toBe(0x06);
    shown.write(0x60, 1, 0x0b);
    expect(shown.read(0x60, 1)).toBe(0x0b);
  });
});

describe('platforms', () => {
  test.each([
    [0x0402, 0x0c00, 0x8c00],
    [0x0412, 0x0c00, 0x8c00],
    [0x0416, 0x0c04, 0x8c00],
    [0x041a, 0x0c08, 0x8c00],
    [0x0a16, 0x0a04, 0x9c00],
    [0x0a2e, 0x0a04, 0x9c00],
    [0x0d26, 0x0d04, 0x8c00],
  ])('graphics %i sits beside its own bridges', (id, host, pch) => {
    expect(platformOf(id).hostBridge).toBe(host);
    expect(platformOf(id).pch & 0xff80).toBe(pch);
  });

  test('an id that is no Haswell is refused', () => {
    expect(() => platformOf(0x1616)).toThrow('graphics device 8086:1616 is not a Haswell part');
  });
});
