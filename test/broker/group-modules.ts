/**
 * What tests of groups on a whole broker use, as one graph: the broker loads its coordinator by import(), whose modules are other
 * instances than those of a test that mocha loaded by require(). And an import takes real time, which a simulated world has not:
 * it is done before.
 */
export async function loadGroupModules() {
  const [world, cluster, client, departure, groups] = await Promise.all([
    import('./broker-in-world.ts'),
    import('../cluster/in-world.ts'),
    import('./group-client.ts'),
    import('../../src/broker/departure.ts'),
    import('../../src/broker/groups.ts'),
  ]);
  await groups.loadCoordinator();
  return { ...world, ...cluster, ...client, ...departure };
}

export type GroupModules = Awaited<ReturnType<typeof loadGroupModules>>;
