/** The far end of an I2C bus: what GMBUS, GPIO bit-banging and I2C-over-AUX talk to. */
export interface I2cSlave {
  /** A (repeated) start with an address. @param address 7 bits @returns whether it is acknowledged */
  start(address: number, read: boolean): boolean;
  /** @returns whether the byte is acknowledged */
  write(byte: number): boolean;
  read(): number;
  stop(): void;
}

/** Addresses of E-DDC. VESA E-DDC 1.3, section 2. */
export const DDC_ADDRESS = 0x50;
export const DDC_SEGMENT_ADDRESS = 0x30;

/**
 * The DDC memory of a monitor: 256 bytes a segment, and a segment pointer that lasts until the next
 * stop. Without a monitor nothing acknowledges.
 */
export class DdcSlave implements I2cSlave {
  /** EDID in the plugged-in monitor; null without one. Length is a multiple of 128. */
  edid: Uint8Array | null = null;
  #address = 0;
  #offset = 0;
  #segment = 0;
  #first = false;

  start(address: number, read: boolean): boolean {
    this.#address = address;
    this.#first = !read;
    if (this.edid === null) return false;
    if (address === DDC_ADDRESS) return this.#segment * 256 < this.edid.length;
    return address === DDC_SEGMENT_ADDRESS && !read && this.edid.length > 256;
  }

  write(byte: number): boolean {
    if (this.edid === null) return false;
    if (this.#address === DDC_SEGMENT_ADDRESS) {
      this.#segment = byte & 0x7f;
      return true;
    }
    if (!this.#first) return false;
    this.#first = false;
    this.#offset = byte & 0xff;
    return true;
  }

  read(): number {
    const byte = this.edid?.[this.#segment * 256 + this.#offset] ?? 0xff;
    this.#offset = (this.#offset + 1) & 0xff;
    return byte;
  }

  stop(): void {
    this.#segment = 0;
    this.#address = 0;
  }
}
