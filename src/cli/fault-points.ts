/** Named points at which a test may kill or pause a real process: `STREAMCTL_FAULT=<point>:crash` or `<point>:pause=<ms>`, by commas. */

/** Does nothing for each point unless `setting` names it. */
export function faultPoints(setting: string | undefined): (point: string) => void {
  if (setting === undefined || setting === '') return () => undefined;
  const actions = new Map(setting.split(',').map(parse));
  return (point) => actions.get(point)?.();
}

function parse(item: string): [string, () => void] {
  const separator = item.lastIndexOf(':');
  const point = item.slice(0, separator);
  const [action, value] = item.slice(separator + 1).split('=');
  if (action === 'crash') return [point, crash];
  const pauseMs = Number(value);
  if (action === 'pause' && pauseMs >= 0) return [point, () => pause(pauseMs)];
  throw new RangeError(`STREAMCTL_FAULT: ${item} is neither <point>:crash nor <point>:pause=<ms>`);
}

function crash(): void {
  process.kill(process.pid, 'SIGKILL');
}

/** Stops this thread, the event loop with it. */
function pause(pauseMs: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)), 0, 0, pauseMs);
}
