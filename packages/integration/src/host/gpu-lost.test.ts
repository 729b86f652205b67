import { expect, test } from 'vitest';
import { addScripted, scriptedHost } from '../life/testing/lab.ts';
import { HostError } from './host-error.ts';
import { BATCH_GFN, BCS } from './testing/scripted-guest.ts';

/** MI_BATCH_BUFFER_START of a batch without privilege; an opcode that no engine has. */
const BATCH_START: number = (0x31 << 23) | 0x2100;
const UNKNOWN: number = 0x3b << 23;

test('[P11] with resets off a hang ends the run, with an error that says whose and why', async () => {
  const host = scriptedHost({ enableReset: false });
  try {
    const guest = await addScripted(host, 1);
    guest.startRing(BCS);
    guest.poke(BATCH_GFN, [UNKNOWN, 0, 0x0a << 23]);
    guest.submit(BCS, [BATCH_START, guest.batchGma]);
    const error: unknown = await host.lost.catch((e: unknown) => e);
    expect(error).toBeInstanceOf(HostError);
    expect(error).toMatchObject({
      code: 'GPU_LOST',
      message: 'VM 1 hangs the GPU, and resets are off: blitter: a command that it cannot execute',
    });
    expect(host.events.at(-1)).toBe((error as HostError).message);
  } finally {
    host.close();
  }
});
