import assert from 'node:assert/strict';
import { openReceipts } from '../../src/cli/receipts.ts';
import { fakeHost } from './fake-host.ts';

const STAYING = new AbortController().signal;

describe('receipts', () => {
  it('are lines of JSON with rising figures', async () => {
    const lines: string[] = [];
    const host = fakeHost({ descriptor: { writeLine: async (line) => void lines.push(line) } });
    const receipts = openReceipts(host, 3);
    receipts.acked(1, 10);
    await receipts.close(0, STAYING);
    receipts.acked(5, 50);
    await receipts.close(0, STAYING);
    assert.deepEqual(lines, ['{"lines":1,"bytes":10}', '{"lines":5,"bytes":50}']);
  });

  it('replace each other while their reader is slow; the newest always comes', async () => {
    const lines: string[] = [];
    let goOn: () => void = () => undefined;
    const slow = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const writeLine = async (line: string): Promise<void> => {
      lines.push(line);
      await slow;
    };
    const receipts = openReceipts(fakeHost({ descriptor: { writeLine } }), 3);
    for (let count = 1; count <= 1_000; count += 1) receipts.acked(count, count * 10);
    goOn();
    await receipts.close(0, STAYING);
    assert.deepEqual(lines, ['{"lines":1,"bytes":10}', '{"lines":1000,"bytes":10000}']);
  });

  it('never end a command when nobody reads them', async () => {
    const writeLine = async (): Promise<void> => {
      throw Object.assign(new Error('write EPIPE'), { code: 'EPIPE' });
    };
    const receipts = openReceipts(fakeHost({ descriptor: { writeLine } }), 3);
    receipts.acked(1, 10);
    await receipts.close(0, STAYING);
    receipts.acked(2, 20);
    await receipts.close(0, STAYING);
  });

  describe('that nobody reads', () => {
    const stuck = { writeLine: () => new Promise<void>(() => undefined) };

    it('are waited for as long as was allowed', async () => {
      const receipts = openReceipts(fakeHost({ descriptor: stuck }), 3);
      receipts.acked(1, 10);
      await receipts.close(20, STAYING);
    });

    it('are not waited for once a signal comes, and a moment where it came before', async () => {
      const delays: number[] = [];
      const timer = (delayMs: number, action: () => void) => {
        delays.push(delayMs);
        setImmediate(action);
        return { cancel: () => undefined };
      };
      const receipts = openReceipts(fakeHost({ descriptor: stuck, clock: { timer } }), 3);
      receipts.acked(1, 10);
      const stop = new AbortController();
      setImmediate(() => stop.abort());
      await receipts.close(0, stop.signal);
      assert.deepEqual(delays, []);
      await receipts.close(0, stop.signal);
      assert.deepEqual(delays, [1_000]);
    });
  });
});
