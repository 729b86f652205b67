import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type AccessSize, barAddress, barRows, ConfigSpace, headerRows } from '@xengt/hsw-device';
import { afterEach, describe, expect, test } from 'vitest';
import type { EngineEvent, VcpuEngine } from '../../port/engine.ts';
import { SteadyTime } from '../../steady-time.ts';
import { createV86Engine } from './engine.ts';
import { Program, tinyBios } from './testing/tiny-bios.ts';

const WASM = new Uint8Array(readFileSync(fileURLToPath(import.meta.resolve('v86/build/v86.wasm'))));
// Each test makes machines: half a second alone, several beside other work.

const GPU = 2 << 3;
const BAR = 0xd0000000;
/** RAM that programs report in. */
const COUNT = 0x3000;
const RESULT = 0x3100;

const made: VcpuEngine[] = [];
afterEach(() => {
  for (const engine of made.splice(0)) engine.destroy();
});

async function machine(program: Program): Promise<VcpuEngine> {
  const engine = await createV86Engine({ wasm: WASM, bios: tinyBios(program), memoryMib: 16 });
  made.push(engine);
  return engine;
}

function untilEnd(engine: VcpuEngine): Promise<EngineEvent> {
  return new Promise((resolve) => engine.onEnd(resolve));
}

async function runToEnd(engine: VcpuEngine): Promise<EngineEvent> {
  const end = untilEnd(engine);
  engine.run();
  return end;
}

const dword = (engine: VcpuEngine, address: number): number =>
  engine.ram.words[address >>> 2] as number;

type Access = ['r' | 'w', number, AccessSize, number?];

/** A target that keeps what it is told, and reads as its offset. */
class Recorder {
  readonly name = 'recorder';
  readonly log: Access[] = [];
  onWrite: (offset: number, value: number) => void = () => {};
  read(offset: number, size: AccessSize): number {
    this.log.push(['r', offset, size]);
    return 0x11111111 * ((offset & 7) + 1);
  }
  write(offset: number, size: AccessSize, value: number): void {
    this.log.push(['w', offset, size, value]);
    this.onWrite(offset, value);
  }
}

/** cli; nothing else: a program that only has to be there. */
const idle = (): Program => new Program().done();

describe('the processor', () => {
  const CPUID = [0x0f, 0xa2];
  /** clflush [address] */
  const clflush = (address: number): number[] => [
    ...[0x0f, 0xae, 0x3d],
    ...[address & 0xff, (address >>> 8) & 0xff, (address >>> 16) & 0xff, address >>> 24],
  ];
  const EDX_TO_EAX = [0x89, 0xd0];
  const EBX_TO_EAX = [0x89, 0xd8];

  test('says that it has a page attribute table and CLFLUSH with lines of 64 bytes', async () => {
    const engine = await machine(
      new Program()
        .eax(1)
        .bytes(...CPUID, ...EBX_TO_EAX)
        .store(RESULT)
        .bytes(...EDX_TO_EAX)
        .store(RESULT + 4)
        .done(),
    );
    await runToEnd(engine);
    expect((dword(engine, RESULT) >>> 8) & 0xff).toBe(64 / 8);
    expect(dword(engine, RESULT + 4) & ((1 << 16) | (1 << 19))).toBe((1 << 16) | (1 << 19));
  });

  test('CLFLUSH changes nothing, interpreted once and in code hot enough to be compiled', async () => {
    const engine = await machine(
      new Program()
        .poke(RESULT, 0x1234)
        .bytes(...clflush(RESULT))
        .ecx(1_000_000)
        .label('again')
        .inc(COUNT)
        .bytes(...clflush(COUNT))
        .loop('again')
        .done(),
    );
    expect(await runToEnd(engine)).toEqual({ kind: 'halt', reason: 'halted with interrupts off' });
    expect(dword(engine, RESULT)).toBe(0x1234);
    expect(dword(engine, COUNT)).toBe(1_000_000);
  });
});

describe('memory', () => {
  test('guest RAM is shared memory that guest and host both see', async () => {
    const engine = await machine(new Program().load(RESULT).store(COUNT).done());
    expect(engine.ram.bytes.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(engine.ram.bytes.length).toBe(16 << 20);
    engine.ram.words[RESULT >>> 2] = 0x12345678;
    expect(await runToEnd(engine)).toEqual({ kind: 'halt', reason: 'halted with interrupts off' });
    expect(dword(engine, COUNT)).toBe(0x12345678);
  });

  test('[R1] accesses in a trapped range reach its target with offsets; others do not', async () => {
    const engine = await machine(
      new Program()
        .eax(0x44332211)
        .store(BAR + 4)
        .store(BAR + 9, 1)
        .store(BAR + 0x1fffe, 2)
        .store(BAR - 4)
        .store(BAR + 0x400000)
        .load(BAR + 4)
        .store(RESULT)
        .load(BAR + 2, 2)
        .load(BAR + 0x3fffff, 1)
        .load(BAR + 0x400000)
        .store(RESULT + 4)
        .done(),
    );
    const target = new Recorder();
    expect(engine.mapMmio(BAR, 4 << 20, target)).toBe(true);
    await runToEnd(engine);
    expect(target.log).toEqual([
      ['w', 4, 4, 0x44332211],
      ['w', 9, 1, 0x11],
      ['w', 0x1fffe, 2, 0x2211],
      ['r', 4, 4],
      ['r', 2, 1],
      ['r', 3, 1],
      ['r', 0x3fffff, 1],
    ]);
    expect(dword(engine, RESULT)).toBe(0x55555555);
    expect(dword(engine, RESULT + 4)).toBe(-1);
  });

  test('[R3] [R6] 16-byte stores arrive as dwords in ascending order and the guest goes on', async () => {
    const engine = await machine(
      new Program()
        .bytes(0x0f, 0x20, 0xe0, 0x0d, 0x00, 0x06, 0x00, 0x00, 0x0f, 0x22, 0xe0) // cr4.OSFXSR
        .poke(RESULT, 1)
        .poke(RESULT + 4, 2)
        .poke(RESULT + 8, 3)
        .poke(RESULT + 12, 4)
        .bytes(0x0f, 0x10, 0x05, RESULT & 0xff, RESULT >>> 8, 0, 0) // movups xmm0, [RESULT]
        .bytes(0xf3, 0x0f, 0x7f, 0x05, 0x20, 0, 0, 0xd0) // movdqu [BAR + 0x20], xmm0
        .bytes(0x66, 0x0f, 0x7f, 0x05, 0x40, 0, 0, 0xd0) // movdqa [BAR + 0x40], xmm0
        .bytes(0xf3, 0x0f, 0x6f, 0x05, 0x60, 0, 0, 0xd0) // movdqu xmm0, [BAR + 0x60]
        .poke(COUNT, 99)
        .done(),
    );
    const target = new Recorder();
    engine.mapMmio(BAR, 0x20000, target);
    await runToEnd(engine);
    const store = (at: number): Access[] => [0, 1, 2, 3].map((i) => ['w', at + i * 4, 4, i + 1]);
    expect(target.log.slice(0, 8)).toEqual([...store(0x20), ...store(0x40)]);
    expect(target.log.slice(8)).toEqual([0x60, 0x64, 0x68, 0x6c].map((at) => ['r', at, 4]));
    expect(dword(engine, COUNT)).toBe(99);
  });

  test('[C23] a string move makes an access for each dword, in the order of the direction flag', async () => {
    const reg = (opcode: number, value: number): number[] => [
      ...[opcode, value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24],
    ];
    const [esi, edi] = [0xbe, 0xbf];
    const move = [0xf3, 0xa5]; // rep movsd
    const engine = await machine(
      new Program()
        .poke(RESULT, 1)
        .poke(RESULT + 4, 2)
        .poke(RESULT + 8, 3)
        .bytes(0xfc, ...reg(esi, RESULT), ...reg(edi, BAR + 0x20)) // cld
        .ecx(3)
        .bytes(...move)
        .bytes(0xfd, ...reg(esi, BAR + 0x48), ...reg(edi, RESULT + 0x28)) // std
        .ecx(3)
        .bytes(...move, 0xfc)
        .done(),
    );
    const target = new Recorder();
    engine.mapMmio(BAR, 0x20000, target);
    await runToEnd(engine);
    expect(target.log).toEqual([
      ...[0, 1, 2].map((i) => ['w', 0x20 + i * 4, 4, i + 1]),
      ...[0x48, 0x44, 0x40].map((at) => ['r', at, 4]),
    ]);
    expect([0x20, 0x24, 0x28].map((at) => dword(engine, RESULT + at))).toEqual([
      0x11111111, 0x55555555, 0x11111111,
    ]);
  });

  test('ranges smaller than a block share it; what is given back is open bus again', async () => {
    const engine = await machine(
      new Program()
        .poke(BAR + 0x1000, 1)
        .poke(BAR + 0x1010, 2)
        .poke(BAR + 0x1020, 3)
        .load(BAR + 0x1010)
        .store(RESULT)
        .load(BAR + 0x1020)
        .store(RESULT + 4)
        .done(),
    );
    const a = new Recorder();
    const b = new Recorder();
    expect(engine.mapMmio(BAR + 0x1000, 16, a)).toBe(true);
    expect(engine.mapMmio(BAR + 0x1010, 16, b)).toBe(true);
    expect(engine.mapMmio(BAR + 0x1020, 16, b)).toBe(true);
    engine.unmapMmio(BAR + 0x1020, 16);
    await runToEnd(engine);
    expect(a.log).toEqual([['w', 0, 4, 1]]);
    expect(b.log).toEqual([
      ['w', 0, 4, 2],
      ['r', 0, 4],
    ]);
    expect(dword(engine, RESULT)).toBe(0x11111111);
    expect(dword(engine, RESULT + 4)).toBe(-1);
  });

  test('[S2] RAM, the VGA window, the platform and taken ranges are refused', async () => {
    const engine = await machine(idle());
    const target = new Recorder();
    expect(engine.mapMmio(0x20000000, 0x1000, target)).toBe(true); // control case
    for (const [gpa, bytes] of [
      [0xfff000, 0x1000],
      [0x9f000, 0x2000],
      [0xbf000, 0x2000],
      [0x20000800, 0x1000],
      [0xdff00000, 0x200000],
      [0xe0000000, 0x130000],
      [0xe07ff000, 0x1000],
      [0xfec00000, 0x1000],
      [0xfe800000, 0x400000],
      [0x30000004, 0x1000],
      [0x30000000, 0],
    ] as const) {
      expect(engine.mapMmio(gpa, bytes, target), `0x${gpa.toString(16)}`).toBe(false);
    }
    expect(engine.counters.mapsRefused).toBe(11);
  });

  test('a hot loop is compiled and its modules share the memory too', async () => {
    const rounds = 300_000;
    const engine = await machine(
      new Program()
        .ecx(rounds)
        .label('again')
        .load(BAR)
        .store(BAR + 4)
        .inc(COUNT)
        .loop('again')
        .done(),
    );
    let reads = 0;
    let writes = 0;
    engine.mapMmio(BAR, 0x20000, {
      name: 'count',
      read: () => ++reads,
      write: () => {
        writes++;
      },
    });
    await runToEnd(engine);
    expect([reads, writes, dword(engine, COUNT)]).toEqual([rounds, rounds, rounds]);
  });
});

describe('ports and configuration space', () => {
  test('ports reach their target at all widths and go back to what they were', async () => {
    const program = new Program().eax(0x04030201);
    program.out(0xc000, 4).out(0xc004, 2).out(0xc006, 1).in(0xc000, 4).store(RESULT);
    const engine = await machine(
      program
        .in(0xae08, 4)
        .store(RESULT + 4)
        .done(),
    );
    const target = new Recorder();
    expect(engine.mapPorts(0xc000, 64, target)).toBe(true);
    expect(engine.mapPorts(0xc03f, 1, target)).toBe(false);
    expect(engine.mapPorts(0x20, 1, target)).toBe(false);
    await runToEnd(engine);
    expect(target.log).toEqual([
      ['w', 0, 4, 0x04030201],
      ['w', 4, 2, 0x0201],
      ['w', 6, 1, 0x01],
      ['r', 0, 4],
    ]);
    expect(dword(engine, RESULT)).toBe(0x11111111);
    expect(dword(engine, RESULT + 4)).toBe(0);
  });

  test('[R2] 00:02.0 answers from its target, 00:01.0 from the machine, empty slots not', async () => {
    const select = (devfn: number, offset: number): Program =>
      new Program().eax((1 << 31) | (devfn << 8) | offset).out(0xcf8, 4);
    const program = new Program();
    let at = RESULT;
    for (const [devfn, offset] of [
      [GPU, 0],
      [1 << 3, 0],
      [GPU, 0x2c],
      [3 << 3, 0],
    ] as const) {
      program
        .bytes(...select(devfn, offset).assemble().code)
        .in(0xcfc, 4)
        .store(at);
      at += 4;
    }
    // A write to an empty slot, and one to a bus that is not there.
    program
      .bytes(...select(3 << 3, 4).assemble().code)
      .eax(7)
      .out(0xcfc, 2);
    program
      .eax((1 << 31) | (5 << 16))
      .out(0xcf8, 4)
      .out(0xcfc, 4)
      .in(0xcfe, 2)
      .store(at)
      .done();
    const engine = await machine(program);
    const target = new Recorder();
    engine.setPciFunction(GPU, target);
    expect((await runToEnd(engine)).kind).toBe('halt');
    expect(target.log).toEqual([
      ['r', 0, 4],
      ['r', 0x2c, 4],
    ]);
    expect(dword(engine, RESULT)).toBe(0x11111111);
    expect(dword(engine, RESULT + 4)).toBe(0x70008086);
    expect(dword(engine, RESULT + 12)).toBe(-1);
    expect(dword(engine, RESULT + 16) & 0xffff).toBe(0xffff);
    expect(engine.counters.configStray).toBe(4);
  });

  test('[Q2] the trapped range follows BAR0 as the guest moves it', async () => {
    const bar0 = (value: number): Program =>
      new Program()
        .eax((1 << 31) | (GPU << 8) | 0x10)
        .out(0xcf8, 4)
        .eax(value)
        .out(0xcfc, 4);
    const engine = await machine(
      new Program()
        .bytes(...bar0(0xc0000000).assemble().code)
        .poke(0xc0000100, 1)
        .bytes(...bar0(0xd8000000).assemble().code)
        .poke(0xc0000100, 2)
        .poke(0xd8000100, 3)
        .bytes(...bar0(-1).assemble().code)
        .in(0xcfc, 4)
        .store(RESULT)
        .done(),
    );
    const target = new Recorder();
    const config: ConfigSpace = new ConfigSpace('gpu', [
      ...headerRows({ vendor: 0x8086, device: 0x0412, revision: 6, classCode: 0x030000 }),
      ...barRows({
        index: 0,
        bytes: 4 << 20,
        kind: 'mem64',
        onWrite: (value, old) => {
          engine.unmapMmio(barAddress(old), 4 << 20);
          engine.mapMmio(barAddress(value), 4 << 20, target);
        },
      }),
    ]);
    engine.setPciFunction(GPU, config);
    await runToEnd(engine);
    expect(target.log).toEqual([
      ['w', 0x100, 4, 1],
      ['w', 0x100, 4, 3],
    ]);
    expect(dword(engine, RESULT) >>> 0).toBe(0xffc00004);
  });

  test('[S2] firmware finds the video memory where v86 answers, and no VGA', async () => {
    const vga = 0x12 << 3;
    const look = (offset: number, at: number, write?: number): Program => {
      const p = new Program().eax((1 << 31) | (vga << 8) | offset).out(0xcf8, 4);
      if (write !== undefined) p.eax(write).out(0xcfc, 4);
      return p.in(0xcfc, 4).store(at);
    };
    const program = new Program();
    program.bytes(...look(0x10, RESULT, -1).assemble().code);
    program.bytes(...look(0x10, RESULT + 4, 0xf0000000).assemble().code);
    program.bytes(...look(8, RESULT + 8).assemble().code).done();
    const engine = await machine(program);
    await runToEnd(engine);
    expect(dword(engine, RESULT) >>> 0).toBe(0xf0000008);
    expect(dword(engine, RESULT + 4) >>> 0).toBe(0xe0000008);
    expect(dword(engine, RESULT + 8) >>> 16).toBe(0x0580);
  });
});

/** A guest with its LAPIC on whose handler of a vector counts and signals end of interrupt. */
function withHandler(vector: number, body: (p: Program) => Program, pic = false): Program {
  const p = new Program().gate(vector, 'handler').lidt(0x7ff);
  p.poke(0xfee000f0, 0x1ff);
  if (pic) {
    // ICW1-4 of both PICs: master at 0x20, slave at 0x28; all lines but 2 (cascade), 10 and 11 shut.
    p.outb(0x20, 0x11).outb(0x21, 0x20).outb(0x21, 4).outb(0x21, 1).outb(0x21, 0xfb);
    p.outb(0xa0, 0x11).outb(0xa1, 0x28).outb(0xa1, 2).outb(0xa1, 1).outb(0xa1, 0xf3);
    p.outb(0x4d1, 0x0c); // IRQ 10 and 11 are level triggered
    p.eax((1 << 31) | (1 << 11) | 0x60)
      .out(0xcf8, 4)
      .eax(0x0b0b0a0a)
      .out(0xcfc, 4);
  } else p.outb(0x21, 0xff).outb(0xa1, 0xff);
  body(p).jmp('over');
  p.label('handler')
    .bytes(0x50, 0x52)
    .inc(COUNT)
    .poke(BAR + 8, 1);
  if (pic) p.outb(0xa0, 0x20).outb(0x20, 0x20);
  else p.poke(0xfee000b0, 0);
  p.bytes(0x5a, 0x58, 0xcf); // pop edx; pop eax; iret
  return p.label('over').done();
}

describe('interrupts', () => {
  test('[R13] a message is delivered at its vector, from inside accesses, none lost', async () => {
    const wanted = 500;
    const engine = await machine(
      withHandler(0x41, (p) =>
        p
          .sti()
          .label('next')
          .load(COUNT)
          .store(BAR)
          .label('wait')
          .whileBelow(RESULT, 1, 'wait')
          .poke(RESULT, 0)
          .whileBelow(COUNT, wanted, 'next'),
      ),
    );
    const target = new Recorder();
    target.onWrite = (offset) => {
      // The doorbell: answered inside the access. The handler's own write lets the guest go on.
      if (offset === 0) expect(engine.sendMsi(0xfee00000, 0x41)).toBe(true);
      if (offset === 8) engine.ram.words[RESULT >>> 2] = 1;
    };
    engine.mapMmio(BAR, 0x20000, target);
    expect((await runToEnd(engine)).kind).toBe('halt');
    expect(dword(engine, COUNT)).toBe(wanted);
    expect(engine.counters.msiSent).toBe(wanted);
    expect(engine.counters.deferred).toBe(wanted);
  });

  test('[R13] messages for another processor, mode or vector are refused and counted', async () => {
    const engine = await machine(
      withHandler(0x41, (p) =>
        p
          .poke(0xfee000d0, 1 << 24)
          .store(BAR)
          .sti()
          .hlt(),
      ),
    );
    const target = new Recorder();
    const results: boolean[] = [];
    target.onWrite = (offset) => {
      if (offset !== 0) return;
      for (const [address, data] of [
        [0xfee01000, 0x41], // physical destination 1: we are 0
        [0xfee02004, 0x41], // logical destination 2: we are 1
        [0xfee00000, 0x241], // SMI
        [0xfee00000, 0x0f],
        [0xfee00000, 0xff],
        [0xfed00000, 0x41],
        [0xfee01004, 0x41], // control case: logical destination 1
      ] as const) {
        results.push(engine.sendMsi(address, data));
      }
    };
    engine.mapMmio(BAR, 0x20000, target);
    await runToEnd(engine);
    expect(results).toEqual([false, false, false, false, false, false, true]);
    expect(engine.counters.msiRefused).toBe(6);
    expect(dword(engine, COUNT)).toBe(1);
  });

  test('the time a guest sleeps passes in full, although others look at the time meanwhile', async () => {
    const time = new SteadyTime(() => performance.now());
    const engine = await createV86Engine({
      wasm: WASM,
      bios: tinyBios(
        withHandler(0x41, (p) => p.sti().label('next').hlt().whileBelow(COUNT, 1, 'next')),
      ),
      memoryMib: 16,
      time,
    });
    made.push(engine);
    engine.onSafePoint(() => void setImmediate(() => time.now()));
    engine.run();
    // A busy host oversleeps, and that does not pass; one window of many is quiet enough.
    let least = Infinity;
    for (let i = 0; i < 40 && least > 0.5; i++) {
      const from = { host: performance.now(), lost: time.lost };
      await new Promise((done) => setTimeout(done, 100));
      least = Math.min(least, (time.lost - from.lost) / (performance.now() - from.host));
    }
    expect(least).toBeLessThan(0.5);
  });

  test('a halted guest takes a message within a turn or two of the event loop', async () => {
    const engine = await machine(
      withHandler(0x41, (p) => p.sti().label('next').hlt().whileBelow(COUNT, 50, 'next')),
    );
    const target = new Recorder();
    engine.mapMmio(BAR, 0x20000, target);
    const end = untilEnd(engine);
    engine.run();
    await new Promise((resolve) => setTimeout(resolve, 20));
    for (let n = 1; n <= 50; n++) {
      expect(engine.sendMsi(0xfee00000, 0x41)).toBe(true);
      for (let turn = 0; turn < 3 && dword(engine, COUNT) < n; turn++) {
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(dword(engine, COUNT)).toBe(n);
    }
    await end;
    expect(engine.counters.wakeUps).toBeGreaterThanOrEqual(45);
  });

  test('a level is raised at safe points, withdrawn at once, and taken once each time', async () => {
    const wanted = 200;
    const engine = await machine(
      withHandler(
        0x2a,
        (p) =>
          p
            .sti()
            .label('next')
            .poke(BAR, 1)
            .label('wait')
            .whileBelow(RESULT, 1, 'wait')
            .poke(RESULT, 0)
            .whileBelow(COUNT, wanted, 'next')
            .ecx(400_000)
            .label('idle')
            .loop('idle'),
        true,
      ),
    );
    const target = new Recorder();
    target.onWrite = (offset) => {
      if (offset === 0) engine.setIntx(GPU, 1, true);
      if (offset === 8) {
        engine.setIntx(GPU, 1, false);
        engine.ram.words[RESULT >>> 2] = 1;
      }
    };
    engine.mapMmio(BAR, 0x20000, target);
    expect((await runToEnd(engine)).kind).toBe('halt');
    expect(dword(engine, COUNT)).toBe(wanted);
    expect(engine.counters.intxRaised).toBe(wanted);
  });
});

describe('ends of a guest', () => {
  test('a keyboard controller reset is a reboot', async () => {
    const engine = await machine(new Program().outb(0x64, 0xfe).label('x').jmp('x'));
    expect(await runToEnd(engine)).toEqual({ kind: 'reboot', reason: 'reset by the guest' });
    expect(engine.running).toBe(false);
  });

  test('ACPI S5 is a power-off; other sleep states wake at once', async () => {
    const engine = await machine(
      new Program()
        .eax(0x2401)
        .out(0xb004, 2)
        .in(0xb000, 2)
        .store(RESULT)
        .eax(0x2001)
        .out(0xb004, 2)
        .label('x')
        .jmp('x'),
    );
    expect(await runToEnd(engine)).toEqual({ kind: 'power-off', reason: 'ACPI S5' });
    expect(dword(engine, RESULT) & 0x8000).toBe(0x8000);
  });

  /** Sets the clock's alarm: registers 1, 3 and 5 in BCD, then bit 5 of register B. */
  function alarm(p: Program, at: Date): Program {
    const bcd = (n: number): number => ((n / 10) << 4) | (n % 10);
    const times = [at.getUTCSeconds(), at.getUTCMinutes(), at.getUTCHours()];
    for (const [i, n] of times.entries()) p.outb(0x70, 1 + 2 * i).outb(0x71, bcd(n));
    return p.outb(0x70, 0xb).outb(0x71, 0x22);
  }

  test('an alarm at a time of day that is over goes off tomorrow', async () => {
    const p = alarm(new Program(), new Date(Date.now() - 5000));
    // A quarter of a second by the PIT would do; a million port reads are more.
    p.ecx(1_000_000).label('wait').in(0xb000, 2).loop('wait').store(RESULT).done();
    const engine = await machine(p);
    await runToEnd(engine);
    expect(dword(engine, RESULT) & 0x400).toBe(0);
  });

  const WAITED = 0x3104;
  /** Enables a fixed event of ACPI, readies it and counts its interrupts until there were two. */
  function fixedEvent(bit: number, ready: (p: Program) => void): Program {
    const p = new Program().gate(0x51, 'handler').lidt(0x7ff);
    p.outb(0x21, 0xff).outb(0xa1, 0xff).poke(0xfee000f0, 0x1ff);
    // IOAPIC pin 9: level triggered, vector 0x51.
    p.poke(0xfec00000, 0x10 + 2 * 9 + 1).poke(0xfec00010, 0);
    p.poke(0xfec00000, 0x10 + 2 * 9).poke(0xfec00010, 0x8051);
    p.eax(bit).out(0xb002, 2);
    p.in(0xb000, 2).store(RESULT);
    ready(p);
    p.sti();
    p.label('wait').hlt().whileBelow(COUNT, 2, 'wait').jmp('over');
    // The first interrupt leaves the status as it is, so that there is a second.
    p.label('handler').bytes(0x50, 0x52).inc(COUNT).in(0xb000, 2).store(WAITED);
    p.whileBelow(COUNT, 2, 'end').eax(bit).out(0xb000, 2);
    p.label('end').poke(0xfee000b0, 0).bytes(0x5a, 0x58, 0xcf).label('over').done();
    return p;
  }

  test('the alarm of the clock is a fixed event of ACPI, by the time that the guest is given', async () => {
    let leapt = 0;
    const time = { now: () => performance.now() + leapt, waited: () => {} };
    const waits = {
      soon: (fn: () => void) => void setImmediate(fn),
      after: (ms: number, fn: () => void) => {
        leapt += ms;
        setImmediate(fn);
      },
    };
    const p = fixedEvent(0x400, (program) => alarm(program, new Date(Date.now() + 90_000)));
    const engine = await createV86Engine({
      wasm: WASM,
      bios: tinyBios(p),
      memoryMib: 16,
      time,
      waits,
    });
    made.push(engine);
    await runToEnd(engine);
    expect(dword(engine, RESULT) & 0x400).toBe(0);
    expect(dword(engine, WAITED) & 0x400).toBe(0x400);
    // It interrupts until it is cleared.
    expect(dword(engine, COUNT)).toBe(2);
    expect(leapt).toBeGreaterThan(80_000);
    expect(leapt).toBeLessThan(100_000);
  });

  test('so is the power button, once the guest listens to it', async () => {
    const engine = await machine(fixedEvent(0x100, () => {}));
    expect(engine.pressPower()).toBe(false);
    const end = runToEnd(engine);
    await expect.poll(() => engine.halted, { timeout: 20_000 }).toBe(true);
    expect(dword(engine, RESULT) & 0x100).toBe(0);
    expect(engine.pressPower()).toBe(true);
    await end;
    expect(dword(engine, WAITED) & 0x100).toBe(0x100);
    expect(dword(engine, COUNT)).toBe(2);
    // What it executed was counted, and its sleep was not.
    expect(engine.counters.ranUs).toBeGreaterThan(0);
  });

  test('an interrupt without a table to take it from is a triple fault', async () => {
    const engine = await machine(new Program().lidt(0).bytes(0xcc));
    expect(await runToEnd(engine)).toEqual({ kind: 'triple-fault', reason: 'triple fault' });
  });

  test('a fault that v86 cannot carry out is a crash with its message', async () => {
    const engine = await machine(new Program().lidt(0x7ff).bytes(0xcd, 0x30)); // int 0x30, no gate
    const end = await runToEnd(engine);
    expect(end.kind).toBe('crash');
    expect(end.reason).toContain('#GP handler');
  });

  test('a guest stopped from inside its access reaches no target any more', async () => {
    const engine = await machine(
      new Program()
        .poke(BAR, 1)
        .label('x')
        .poke(BAR + 4, 2)
        .jmp('x'),
    );
    const target = new Recorder();
    target.onWrite = () => engine.stop({ kind: 'crash', reason: 'bad register' });
    engine.mapMmio(BAR, 0x20000, target);
    expect(await runToEnd(engine)).toEqual({ kind: 'crash', reason: 'bad register' });
    expect(target.log).toEqual([['w', 0, 4, 1]]);
  });

  test('pause holds a guest between slices and run lets it go on', async () => {
    const engine = await machine(
      new Program().label('x').inc(COUNT).whileBelow(RESULT, 1, 'x').done(),
    );
    const end = untilEnd(engine);
    engine.run();
    await new Promise((resolve) => setTimeout(resolve, 10));
    engine.pause();
    await new Promise((resolve) => setTimeout(resolve, 5));
    const count = dword(engine, COUNT);
    expect(count).toBeGreaterThan(0);
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(dword(engine, COUNT)).toBe(count);
    engine.ram.words[RESULT >>> 2] = 1;
    engine.run();
    await end;
    expect(dword(engine, COUNT)).toBeGreaterThanOrEqual(count);
  });
});

describe('console and state', () => {
  test('serial bytes come out in order, and input arrives whole however long it is', async () => {
    const size = 5000;
    const p = new Program().label('next').label('poll').in(0x3fd, 1).untilBit(1, 'poll');
    p.in(0x3f8, 1).out(0x3f8, 1).inc(COUNT).whileBelow(COUNT, size, 'next').done();
    const engine = await machine(p);
    const seen: number[] = [];
    engine.onSerial((byte) => seen.push(byte));
    const sent = Uint8Array.from({ length: size }, (_, i) => (i * 7) & 0xff);
    engine.sendSerial(sent);
    await runToEnd(engine);
    expect(seen).toEqual([...sent]);
  });

  test('a state restored into another machine goes on where it was', async () => {
    const program = (): Program =>
      new Program().label('x').inc(COUNT).whileBelow(RESULT, 1, 'x').load(COUNT).store(BAR).done();
    const first = await machine(program());
    first.run();
    await new Promise((resolve) => setTimeout(resolve, 10));
    first.pause();
    await new Promise((resolve) => setTimeout(resolve, 5));
    const count = dword(first, COUNT);
    const state = first.saveState();
    const second = await machine(program());
    const target = new Recorder();
    second.mapMmio(BAR, 0x20000, target);
    const ram = second.ram.words;
    ram[0x200000 >>> 2] = 5;
    second.restoreState(state);
    expect([ram[COUNT >>> 2], ram[0x200000 >>> 2]]).toEqual([count, 0]);
    ram[RESULT >>> 2] = 1;
    await runToEnd(second);
    expect(target.log[0]?.[3]).toBeGreaterThanOrEqual(count);
    expect(dword(first, COUNT)).toBe(count);
  });

  test('a restored machine takes no memory for RAM that its state leaves clear', async () => {
    const options = { wasm: WASM, bios: tinyBios(idle()), memoryMib: 512 };
    const first = await createV86Engine(options);
    const state = first.saveState();
    first.destroy();
    const second = await createV86Engine(options);
    const before = process.memoryUsage.rss();
    second.restoreState(state);
    expect(process.memoryUsage.rss() - before).toBeLessThan(128 * 2 ** 20);
    second.destroy();
  });

  test('bytes that are no state, and a module that is not v86, are refused', async () => {
    const engine = await machine(idle());
    expect(() => engine.restoreState(new Uint8Array(64))).toThrow('not a state of this machine');
    await expect(
      createV86Engine({
        wasm: new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]),
        bios: tinyBios(idle()),
        memoryMib: 16,
      }),
    ).rejects.toThrow('v86.wasm is not a module of v86 0.5.462');
  });
});
