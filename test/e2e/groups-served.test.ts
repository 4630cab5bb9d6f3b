/** The commands on groups and offsets on a server, by its directory and over TCP, and without one. */
import { groupsStory } from '../helpers/groups-story.ts';
import { startServe, withFolder } from '../helpers/streamctl.ts';

describe('e2e: groups commands beside a member', function () {
  this.timeout(180_000);

  for (const type of ['classic', 'consumer'] as const) {
    for (const way of ['--dir', '-b'] as const) {
      it(`a ${type} group, ${way === '-b' ? 'over TCP' : 'by the directory'}`, () =>
        withFolder(async (folder) => {
          const directory = `${folder}/data`;
          const serving = await startServe(directory);
          try {
            await groupsStory(way === '-b' ? ['-b', serving.bootstrap] : ['--dir', directory], type);
          } finally {
            await serving.stop();
          }
        }));
    }

    it(`a ${type} group without a server: its member is the broker`, () =>
      withFolder((folder) => groupsStory(['--dir', `${folder}/data`], type)));
  }
});
