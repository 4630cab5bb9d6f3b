/**
 * What tests of groups on a whole broker use, as one graph: the broker loads its coordinator by import(), whose modules are other
 * instances than those of a test that mocha loaded by require(). And an import takes real time, which a simulated world has not:
 * it is done before.
 */
export async function loadGroupModules() {
  const [world, cluster, client, departure, groups, machine, simulated, broker, settings] = await Promise.all([
    import('./broker-in-world.ts'),
    import('../cluster/in-world.ts'),
    import('./group-client.ts'),
    import('../../src/broker/departure.ts'),
    import('../../src/broker/groups.ts'),
    import('../sim/sim-machine.ts'),
    import('../sim/sim-world.ts'),
    import('../../src/broker/broker.ts'),
    import('../../src/broker/broker-settings.ts'),
  ]);
  await groups.loadCoordinator();
  return { ...world, ...cluster, ...client, ...departure, ...machine, ...simulated, ...broker, ...settings };
}

export type GroupModules = Awaited<ReturnType<typeof loadGroupModules>>;
