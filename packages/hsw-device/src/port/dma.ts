/**
 * What lies between a device and machine memory: frames as the device puts them on the bus become
 * machine frames. Owned by the device; a machine's IOMMU implements it for one requester.
 *
 * A device asks only where its own translation cache misses, and keeps the answer until it is told to
 * forget it.
 */
export interface DmaPort {
  /**
   * Machine frame of a frame that the device is about to read and write.
   *
   * @param frame address / 4096, 0 to 2^27 - 1
   * @returns -1 when the request is refused; whoever refuses records it
   */
  frame(frame: number): number;
  /** The same for somebody who only looks: nothing is recorded, and nothing is kept. */
  peek(frame: number): number;
  /**
   * Calls `changed` whenever answers given so far may be old.
   *
   * @returns takes it back
   */
  onInvalidate(changed: () => void): () => void;
}

/** A machine without an IOMMU: the device's frames are the machine's. */
export const UNTRANSLATED: DmaPort = {
  frame: (frame) => frame,
  peek: (frame) => frame,
  onInvalidate: () => () => {},
};
