import type { Clock, ClockEvent } from '../port/clock.ts';
import type { RegSpace } from '../reg/reg-space.ts';
import type { RegRow } from '../reg/row.ts';
import { AuxChannel, type AuxSink } from './bus/aux-channel.ts';
import { Dpcd } from './bus/dpcd.ts';
import { Gmbus } from './bus/gmbus.ts';
import { gpioRows } from './bus/gpio.ts';
import { DdcSlave } from './bus/i2c.ts';
import { Ddi } from './ddi.ts';
import { GPIO_BASE } from './display.regs.ts';
import { type DisplayInterrupts, Hotplug } from './hotplug.ts';
import type { Monitor } from './monitor/monitor.ts';
import { PORTS, type PortName, type PortRow, type PortWiring, portRow } from './ports.ts';

/** GMBUS interrupt of the PCH. i915: `SDE_GMBUS_CPT`. */
const SDE_GMBUS = 0x20000;
/**
 * Least time between two long pulses of a port, nanoseconds. What goes in and out meanwhile is told
 * by one pulse at its end. i915 takes more than five a second for a storm: `HPD_STORM_DEFAULT_THRESHOLD`.
 */
export const HOTPLUG_QUIET_NS = 250_000_000;
/** Time of a byte when bus timing is asked for, nanoseconds: DDC at 100 kHz, AUX at 1 Mbit/s. */
const DDC_BYTE_NS = 90_000;
const AUX_BYTE_NS = 8_000;

/** The five ports with what is plugged into them, and the buses a driver reaches that through. */
export class Connectors {
  readonly rows: readonly RegRow[];
  readonly wiring: Readonly<Record<PortName, PortWiring>>;
  /** Monitors by port, A to E. */
  readonly monitors: (Monitor | null)[] = PORTS.map(() => null);
  /** DisplayPort sinks by port; null where no DP monitor is. */
  readonly sinks: (AuxSink | null)[] = PORTS.map(() => null);
  readonly #irq: DisplayInterrupts;
  readonly #regs: RegSpace;
  readonly #clock: Clock;
  readonly #ddi: Ddi;
  readonly #panelPowered: () => boolean;
  readonly #hotplug: Hotplug;
  readonly #gmbus: Gmbus;
  readonly #aux: readonly AuxChannel[];
  /** Latest long pulse of each port, and what will send the next. */
  readonly #pulsed = PORTS.map(() => Number.NEGATIVE_INFINITY);
  readonly #due: (ClockEvent | null)[] = PORTS.map(() => null);
  readonly #ddc: readonly DdcSlave[] = PORTS.map(() => new DdcSlave());

  /**
   * @param timed GMBUS and AUX take the time they take on wires
   * @param panelPowered whether a panel has power to answer
   */
  constructor(
    regs: RegSpace,
    clock: Clock,
    irq: DisplayInterrupts,
    wiring: Readonly<Record<PortName, PortWiring>>,
    timed: boolean,
    panelPowered: () => boolean,
  ) {
    this.#panelPowered = panelPowered;
    this.#regs = regs;
    this.#clock = clock;
    this.#irq = irq;
    this.wiring = wiring;
    this.#ddi = new Ddi(regs, wiring.A !== 'none', (port) => this.#ddiChanged(port));
    this.#hotplug = new Hotplug(regs, irq, wiring.E !== 'none');
    const byPin = (pin: number): DdcSlave | null => this.#slave(pin, 'gmbusPin');
    const done = (): void => irq.raisePch(SDE_GMBUS);
    this.#gmbus = new Gmbus(regs, clock, byPin, done, timed ? DDC_BYTE_NS : 0);
    this.#aux = PORTS.filter((row) => row.aux !== 0).map((row) => this.#auxOf(row, timed));
    this.rows = [
      ...this.#ddi.rows,
      ...this.#hotplug.rows,
      ...this.#gmbus.rows,
      ...this.#aux.flatMap((aux) => aux.rows),
      ...gpioRows(regs, GPIO_BASE, (gpio) => this.#slave(gpio, 'gpio')),
    ];
  }

  #auxOf(row: PortRow, timed: boolean): AuxChannel {
    const irq = this.#irq;
    const done = (): void => {
      if (row.name === 'A') irq.raiseDe(row.auxBit);
      else irq.raisePch(row.auxBit);
    };
    const sink = (): AuxSink | null => {
      if (this.monitors[row.index]?.kind === 'edp' && !this.#panelPowered()) return null;
      return this.sinks[row.index] ?? null;
    };
    const ns = timed ? AUX_BYTE_NS : 0;
    return new AuxChannel(this.#regs, this.#clock, row.name, row.aux, sink, done, ns);
  }

  /** DDC memory behind a GMBUS pin or GPIO; null when no port has that one. */
  #slave(value: number, key: 'gmbusPin' | 'gpio'): DdcSlave | null {
    for (const row of PORTS) {
      if (row[key] === value && value !== 0) return this.#ddc[row.index] as DdcSlave;
    }
    return null;
  }

  #ddiChanged(port: number): void {
    if (!this.#ddi.sending(port)) this.sinks[port]?.dpcd.lose();
  }

  /** See `DisplayEngine.connect`. */
  connect(port: PortName, monitor: Monitor): boolean {
    if (this.wiring[port] === 'none') return false;
    this.remove(port);
    this.insert(port, monitor);
    this.#changed(portRow(port));
    return true;
  }

  /** The level changes at once; the pulse comes when the port was quiet long enough. */
  #changed(row: PortRow): void {
    this.settle();
    const { index } = row;
    if (this.#due[index] !== null) return;
    const at = (this.#pulsed[index] as number) + HOTPLUG_QUIET_NS;
    if (this.#clock.now >= at) this.#pulse(row);
    else this.#due[index] = this.#clock.at(at, () => this.#pulse(row));
  }

  #pulse(row: PortRow): void {
    this.#due[row.index] = null;
    this.#pulsed[row.index] = this.#clock.now;
    this.#hotplug.pulse(row, true);
  }

  /** Ports whose pulse is still to come, a bit each. */
  get pulsesDue(): number {
    return this.#due.reduce((bits, event, i) => (event === null ? bits : bits | (1 << i)), 0);
  }

  /** Sends the pulses that were due when a state was taken. @param ports as {@link pulsesDue} */
  pulseAll(ports: number): void {
    for (const row of PORTS) if ((ports & (1 << row.index)) !== 0) this.#pulse(row);
  }

  #forgetPulses(): void {
    for (const event of this.#due) event?.cancel();
    this.#due.fill(null);
    this.#pulsed.fill(Number.NEGATIVE_INFINITY);
  }

  /** Puts a monitor on a port without telling anybody. */
  insert(port: PortName, monitor: Monitor): void {
    const { index } = portRow(port);
    this.monitors[index] = monitor;
    if (monitor.kind === 'dp' || monitor.kind === 'edp') {
      const ddc = new DdcSlave();
      ddc.edid = monitor.edid;
      const dpcd = new Dpcd(monitor.dp, () => this.#ddi.sending(index));
      this.sinks[index] = { dpcd, ddc };
    } else (this.#ddc[index] as DdcSlave).edid = monitor.edid;
  }

  /** Takes a monitor off its port without telling anybody. */
  remove(port: PortName): void {
    const { index } = portRow(port);
    this.monitors[index] = null;
    this.sinks[index] = null;
    (this.#ddc[index] as DdcSlave).edid = null;
  }

  /** See `DisplayEngine.disconnect`. */
  disconnect(port: PortName): void {
    if (this.monitors[portRow(port).index] === null) return;
    this.remove(port);
    this.#changed(portRow(port));
  }

  /** See `DisplayEngine.shortPulse`. */
  shortPulse(port: PortName): void {
    this.#hotplug.pulse(portRow(port), false);
  }

  /** Whether the panel on port A can refresh itself and was told that it shall. */
  panelRefreshes(): boolean {
    return this.sinks[0]?.dpcd.refreshesItself === true;
  }

  /** Levels that say what is plugged in go back to what they are without a pulse. */
  settle(): void {
    let present = 0;
    for (const row of PORTS) if (this.monitors[row.index] !== null) present |= 1 << row.index;
    this.#hotplug.settle(present);
  }

  /** After the registers went back to their reset values. Monitors stay plugged in. */
  reset(): void {
    this.stopBuses();
    this.#forgetPulses();
    for (const sink of this.sinks) sink?.dpcd.lose();
    this.settle();
  }

  /** Puts a monitor on a port, or takes it off, without a pulse. */
  replace(port: PortName, monitor: Monitor | null): void {
    if (this.wiring[port] === 'none') return;
    this.remove(port);
    if (monitor !== null) this.insert(port, monitor);
    this.settle();
  }

  /** Forgets bus transactions under way. */
  stopBuses(): void {
    this.#gmbus.reset();
    for (const aux of this.#aux) aux.reset();
  }
}
