/** What a scan asks of the VM whose commands it reads. */
export interface ScanHost {
  /** Whether `bytes` from a GGTT address are all the VM's own; if so hardware has its entries there. */
  reach(gma: number, bytes: number): boolean;
  /** Whether the guest has the PPGTT on for an engine. */
  ppgttOn(engine: number): boolean;
  /**
   * Finds a page of commands.
   *
   * @param ppgtt whether the address is in the engine's per-process GTT
   * @returns the page's first index in {@link words}; -1 when the VM has no page there
   */
  findPage(engine: number, gma: number, ppgtt: boolean): number;
  /** Memory of the page found last. */
  readonly words: Int32Array;
  /** The guest loads PP_DIR_BASE by a command. */
  useDirectory(engine: number, value: number): 'ok' | 'outside' | 'busy';
  /** PP_DIR_BASE for hardware in place of the guest's value. */
  hardwareDirectory(engine: number): number;
  /** The guest uses a hardware context of its own. */
  usedContext(): void;
  /**
   * A command loads a register of {@link DISPLAY_REGISTERS}: taken over by the VM's own.
   *
   * @returns whether hardware gets it
   */
  displayRegister(register: number, value: number): boolean;
  /** The same for a register that sets the observation unit up. */
  observationRegister(register: number, value: number): boolean;
  /** Batches that run without privilege and are not scanned. Upstream: `skip_bb_cnt`. */
  readonly batchesSkipped: { count: number };
}
