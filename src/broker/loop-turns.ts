/** Each costs some microseconds, more when it fails. */
const ITEMS_PER_TURN = 2000;

/**
 * For a loop over what a request lists, asked with the number of each item: whether the event loop should get its turn now
 * (`clock.sleep(0)`), so that a request of a hundred thousand partitions does not keep all others from being read.
 */
export function isTurnDue(itemNumber: number): boolean {
  return itemNumber > 0 && itemNumber % ITEMS_PER_TURN === 0;
}
