import { type ClockEvent, ManualClock } from '@xengt/hsw-device';

/** A clock that counts the calls it was asked for. */
export class CountingClock extends ManualClock {
  scheduled = 0;

  override at(timeNs: number, fire: () => void): ClockEvent {
    this.scheduled++;
    return super.at(timeNs, fire);
  }
}
