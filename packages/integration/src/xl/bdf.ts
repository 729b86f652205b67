/** How a person writes a PCI function, and what may be in it. */
export const BDF_FORM =
  '[DDDD:]BB:DD.F in hexadecimal, as 00:02.0: a domain to ffff, a bus to ff, a device to 1f, a function to 7';

const BDF = /^(?:([0-9a-f]{1,4}):)?([0-9a-f]{1,2}):([01]?[0-9a-f])\.([0-7])$/i;

/** Reads a PCI function as xl does. @returns it in full, `0000:00:02.0`; null when it is none */
export function parseBdf(text: string): string | null {
  const [, domain = '0', bus, device, fn] = BDF.exec(text) ?? [];
  if (bus === undefined || device === undefined) return null;
  const hex = (digits: string, width: number): string => digits.toLowerCase().padStart(width, '0');
  return `${hex(domain, 4)}:${hex(bus, 2)}:${hex(device, 2)}.${fn}`;
}
