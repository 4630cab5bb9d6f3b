/** Our commands on groups and offsets on a real Kafka. */
import { groupsStory } from '../helpers/groups-story.ts';
import { withFolder } from '../helpers/streamctl.ts';
import { kafkaJars, startRealKafka } from './kafka-jars.ts';
import { need } from './suite.ts';

describe('our commands on the groups of a real Kafka', function () {
  this.timeout(600_000);

  before(function () {
    need(this, kafkaJars);
  });

  it('a classic group and one of KIP-848', () =>
    withFolder(async (folder) => {
      const kafka = await startRealKafka(`${folder}/kafka`);
      try {
        await groupsStory(['-b', kafka.bootstrap], 'classic');
        await groupsStory(['-b', kafka.bootstrap], 'consumer');
      } finally {
        await kafka.stop();
      }
    }));
});
