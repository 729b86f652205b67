import type { PortName, Screen } from '@xengt/hsw-device';

/** No pipe of the VM. */
export const UNMAPPED = -1;

/**
 * Which of a VM's pipes each physical pipe shows. A screen shows the VM's pipe that drives the same
 * port, as `port_override` has it; screens that have none then get the pipes that have none, in
 * their order; what is still left shows a copy of the VM's first screen.
 *
 * @param physicalOf the physical port that stands for a virtual one
 * @param into by physical pipe: the VM's pipe, or {@link UNMAPPED}
 */
export function mapPipes(
  ours: readonly Screen[],
  theirs: readonly Screen[],
  physicalOf: (port: PortName) => PortName,
  into: number[],
): void {
  into.fill(UNMAPPED);
  const left = [...theirs];
  const take = (at: number): number => (left.splice(at, 1)[0] as Screen).pipe;
  for (const screen of ours) {
    const at = left.findIndex((s) => physicalOf(s.port) === screen.port);
    if (at >= 0) into[screen.pipe] = take(at);
  }
  for (const screen of ours) {
    if (into[screen.pipe] !== UNMAPPED) continue;
    into[screen.pipe] = left.length > 0 ? take(0) : (theirs[0]?.pipe ?? UNMAPPED);
  }
}
