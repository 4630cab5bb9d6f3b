/**
 * The modules under test as one graph. mocha may load a test by require(), whose modules are other instances than those that the
 * code under test loads by import(); and an import is the one thing that takes real time in a simulated world, so all that
 * may be imported there is imported before.
 */
export async function loadModules() {
  const [transport, embedded, find, readOnly, server, admin, errors, groups] = await Promise.all([
    import('../../src/cli/directory-transport.ts'),
    import('../../src/cli/embedded-broker.ts'),
    import('../../src/cli/find-broker.ts'),
    import('../../src/cli/read-only-seat.ts'),
    import('../../src/cli/start-server.ts'),
    import('../../src/client/admin.ts'),
    import('../../src/client/client-error.ts'),
    import('../../src/broker/groups.ts'),
  ]);
  await Promise.all([
    embedded.loadBroker(),
    find.loadLogDirectory(),
    transport.loadReadOnlySeat(),
    groups.loadCoordinator(),
  ]);
  return { ...transport, ...embedded, ...find, ...readOnly, ...server, ...admin, ...errors };
}

export type Loaded = Awaited<ReturnType<typeof loadModules>>;
