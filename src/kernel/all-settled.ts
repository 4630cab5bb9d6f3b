/**
 * Waits until all of them have settled; answers their values in order, or throws what the first rejected one in that order threw.
 * For work on files: `Promise.all` would leave the others running behind the back of a caller that then gives up its locks.
 */
export async function allSettled<T>(running: readonly Promise<T>[]): Promise<T[]> {
  const settled = await Promise.allSettled(running);
  return settled.map((one) => {
    if (one.status === 'rejected') throw one.reason;
    return one.value;
  });
}
