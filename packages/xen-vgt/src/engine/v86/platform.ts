import type { AccessSize, TrapTarget } from '@xengt/hsw-device';
import type { EngineEvent } from '../../port/engine.ts';
import type { V86Acpi, V86Cpu } from './internals.ts';
import type { PortMap } from './port-map.ts';

/**
 * PIIX4 PCI hot-plug registers of SeaBIOS's DSDT (`PCIU`, `PCID`, `B0EJ`, `PCRM`). v86 has nothing
 * there; read as all ones they make Linux eject every device of bus 0.
 */
const HOTPLUG = { port: 0xae00, count: 16 } as const;

/** PM1a control block. v86: acpi.js, at 0xb004. ACPI 6.1, 4.8.3.2. */
const PM1_CONTROL = 0xb004;
/** SLP_EN, and SLP_TYP as SeaBIOS's DSDT encodes it: `_S5_` is 0, `_S3_` 1, `_S4_` 2. */
const SLEEP_ENABLE = 0x2000,
  SLEEP_TYPE_SHIFT = 10,
  SLEEP_TYPE_S5 = 0;
/** PM1 status: WAK_STS; RTC_STS and PWRBTN_STS, each with its enable in its place. ACPI 6.1, 4.8.3.1. */
const WAKE_STATUS = 0x8000,
  RTC_STATUS = 0x400,
  POWER_STATUS = 0x100;
/** The line of ACPI's interrupt. */
const SCI = 9;
/** Milliseconds. */
const SECOND = 1000,
  DAY = 86_400_000;

const SILENT: TrapTarget = {
  name: 'acpi.hotplug',
  read: () => 0,
  write: () => {},
};

/** Mends what v86's chipset leaves out, and reports how a guest ends itself. */
export function installPlatform(
  cpu: V86Cpu,
  ports: PortMap,
  end: (event: EngineEvent) => void,
): void {
  ports.map(HOTPLUG.port, HOTPLUG.count, SILENT);
  // v86 would reset the processor in the middle of the code that asked for it.
  cpu.reboot_internal = (): void => end({ kind: 'reboot', reason: 'reset by the guest' });
  const acpi = cpu.devices.acpi;
  if (acpi === undefined) return;
  linkAlarm(cpu, acpi);
  pulseEvents(cpu, acpi);
  const own = ports.own(PM1_CONTROL);
  ports.map(PM1_CONTROL, 2, {
    name: 'acpi.pm1-control',
    read(offset: number, size: AccessSize): number {
      const value = own.read16.call(own.device, PM1_CONTROL) >>> (offset * 8);
      return size === 1 ? value & 0xff : value & 0xffff;
    },
    write(offset: number, size: AccessSize, value: number): void {
      const old = own.read16.call(own.device, PM1_CONTROL);
      const next =
        size === 1
          ? (old & ~(0xff << (offset * 8))) | ((value & 0xff) << (offset * 8))
          : value & 0xffff;
      if ((next & SLEEP_ENABLE) === 0) {
        own.write16.call(own.device, next);
        return;
      }
      if (((next >>> SLEEP_TYPE_SHIFT) & 7) === SLEEP_TYPE_S5) {
        end({ kind: 'power-off', reason: 'ACPI S5' });
        return;
      }
      // There is nothing to sleep with: the guest finds itself awake again at once.
      acpi.pm1_status |= WAKE_STATUS;
    },
  });
}

/**
 * Presses the power button. SeaBIOS's FADT has it as a fixed event, for a driver (Linux: `button`) to
 * enable.
 *
 * @returns false when nobody enabled it: nothing happens then
 */
export function pressPowerButton(acpi: V86Acpi): boolean {
  if ((acpi.pm1_enable & POWER_STATUS) === 0) return false;
  acpi.pm1_status |= POWER_STATUS;
  return true;
}

/** The clock follows the guest's time, but no further at once, milliseconds: a pause is no time to it. */
const FOLLOWED = 600_000;

/**
 * The clock's alarm is a fixed event of ACPI too: what wakes a guest that sleeps. v86's clock goes by
 * the host's date; what the guest's own time is ahead or behind since the last look is added.
 */
function linkAlarm(cpu: V86Cpu, acpi: V86Acpi): void {
  const { rtc } = cpu.devices;
  const clock = rtc.timer;
  let known = 0;
  let guest = Number.NaN;
  rtc.timer = (now, legacy): number => {
    // An alarm is a time of the guest's day. v86 takes it for the host's; one that is over is tomorrow's.
    const alarm = rtc.next_interrupt_alarm;
    if (alarm !== known && alarm !== 0) {
      const at = alarm - (rtc.rtc_time - rtc.last_update);
      rtc.next_interrupt_alarm = at < rtc.last_update - SECOND ? at + DAY : at;
    }
    const set = rtc.next_interrupt_alarm !== 0;
    const host = rtc.last_update;
    let wait = clock.call(rtc, now, legacy);
    const ahead = now - guest - (rtc.last_update - host);
    guest = now;
    if (Math.abs(ahead) <= FOLLOWED) {
      rtc.rtc_time += ahead;
      if (rtc.next_interrupt_alarm !== 0) {
        rtc.next_interrupt_alarm -= ahead;
        wait = Math.min(wait, Math.max(rtc.next_interrupt_alarm - rtc.last_update, 0));
      }
    }
    known = rtc.next_interrupt_alarm;
    if (set && rtc.next_interrupt_alarm === 0) acpi.pm1_status |= RTC_STATUS;
    return wait;
  };
}

/**
 * The interrupt of alarm and button is pulsed until the guest has cleared their status, for v86 takes
 * its level back at every turn.
 */
function pulseEvents(cpu: V86Cpu, acpi: V86Acpi): void {
  const own = acpi.timer;
  acpi.timer = (now): number => {
    const wait = own.call(acpi, now);
    if ((acpi.pm1_status & acpi.pm1_enable & (RTC_STATUS | POWER_STATUS)) !== 0) {
      cpu.device_raise_irq(SCI);
      cpu.device_lower_irq(SCI);
    }
    return wait;
  };
}
