import type { Engine } from './engine.ts';

/** Keeps the latest form of a pipeline state command: the render context saves them. */
export function keepState(e: Engine, index: number): void {
  let kept = e.kept[index] as Int32Array | null;
  if (kept === null || kept.length !== e.length) {
    // One array per command kind and length change: bounded by the command table.
    kept = new Int32Array(e.length);
    e.kept[index] = kept;
  }
  const cmd = e.cmd;
  for (let i = 0; i < e.length; i++) kept[i] = cmd[i] as number;
}
