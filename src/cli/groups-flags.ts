/** Flags that several commands on groups and offsets take. */
import { Flags } from './oclif.ts';

export const groupTopicFlag = {
  topic: Flags.string({
    char: 't',
    multiple: true,
    multipleNonGreedy: true,
    helpValue: 'TOPIC',
    description: 'only this topic (repeatable)',
  }),
};

export const placeFlag = {
  topic: Flags.string({
    char: 't',
    multiple: true,
    multipleNonGreedy: true,
    helpValue: 'TOPIC[:P,...]',
    description: 'only this topic, or only these of its partitions: logs or logs:0,3 (repeatable)',
  }),
};

export const consentFlags = {
  yes: Flags.boolean({ char: 'y', description: 'do it without asking' }),
  'dry-run': Flags.boolean({ description: 'show what would be done, and do nothing' }),
};

export const intervalFlag = (text: string) => ({
  interval: Flags.string({ default: text, helpValue: 'DURATION', description: 'how long to wait between two looks' }),
});
