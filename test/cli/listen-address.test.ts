import assert from 'node:assert/strict';
import { decideListen } from '../../src/cli/listen-address.ts';

const FLAGS = { listen: undefined, advertise: undefined, insecureListen: false };

describe('where serve listens', () => {
  it('is both loopback addresses by default, of which IPv6 may be missing', () => {
    assert.deepEqual(decideListen(FLAGS).addresses, [
      { host: '127.0.0.1', port: 9092, optional: false },
      { host: '::1', port: 9092, optional: true },
    ]);
  });

  it('takes loopback as it is', () => {
    for (const listen of ['127.0.0.1:0', '127.1.2.3', 'localhost:9093', '[::1]:1']) {
      assert.equal(decideListen({ ...FLAGS, listen }).addresses.length, 1, listen);
    }
  });

  it('needs --insecure-listen for anything else, and --advertise for a wildcard', () => {
    for (const listen of ['192.168.1.2:9092', '0.0.0.0:9092', '[::]:9092', 'example.org:1']) {
      assert.throws(() => decideListen({ ...FLAGS, listen, advertise: 'h:1' }), { exitCode: 2 }, listen);
    }
    assert.throws(() => decideListen({ ...FLAGS, listen: '0.0.0.0:9092', insecureListen: true }), { exitCode: 2 });
    const wide = decideListen({ listen: '0.0.0.0:9092', advertise: 'events.lan', insecureListen: true });
    assert.deepEqual(wide.advertise, { host: 'events.lan', port: 0 });
  });

  it('advertises no host that is too long to be told', () => {
    const advertise = `${'a'.repeat(256)}:1`;
    assert.throws(() => decideListen({ listen: '127.0.0.1:0', advertise, insecureListen: false }), { exitCode: 2 });
  });

  it('advertises nothing that nobody can connect to', () => {
    assert.throws(() => decideListen({ ...FLAGS, advertise: '0.0.0.0:9092' }), { exitCode: 2 });
  });
});
