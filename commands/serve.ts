import { BaseCommand } from '../src/cli/base-command.ts';
import type { ExitCode } from '../src/cli/exit-codes.ts';
import { Flags } from '../src/cli/oclif.ts';

export default class Serve extends BaseCommand {
  static override summary = 'Run a broker over a directory, for Kafka clients.';
  static override description =
    'Kafka clients connect to the address that --listen gives. SIGTERM, SIGINT and SIGHUP stop it: it finishes what it took, marks the directory clean and exits 0.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --dir /var/lib/streamctl --listen 127.0.0.1:9092',
    '<%= config.bin %> <%= command.id %> --listen 127.0.0.1:0 --ready-fd 3 3>ready',
    '<%= config.bin %> <%= command.id %> --listen 0.0.0.0:9092 --advertise events.lan:9092 --insecure-listen',
  ];
  static override flags = {
    listen: Flags.string({
      helpValue: 'HOST:PORT',
      description: 'where clients connect; port 0 takes a free one; 127.0.0.1:9092 and [::1]:9092 if not given',
    }),
    advertise: Flags.string({
      helpValue: 'HOST:PORT',
      description: 'the address that clients are told to use, where it is not the one of --listen',
    }),
    'insecure-listen': Flags.boolean({
      description:
        'allow --listen on other addresses than loopback: whoever reaches the port reads and writes everything',
    }),
    setting: Flags.string({
      char: 'X',
      multiple: true,
      multipleNonGreedy: true,
      helpValue: 'NAME=VALUE',
      description: "a broker setting for this process, by Kafka's name (repeatable)",
    }),
    config: Flags.string({
      helpValue: 'FILE',
      description:
        'broker settings as a Java properties file (- is standard input), kept in the directory in place of those kept there: commands that work without a server obey them too; flags win',
    }),
    durability: Flags.option({ options: ['ack', 'interval', 'os'] as const })({
      description:
        'for this process, when records are on the disk: before the ack, at intervals, or when the system pleases',
    }),
    'max-disk': Flags.string({
      helpValue: 'SIZE',
      description:
        'keep the directory below this size, such as 20G, from now on: the oldest segments of all topics go first, and when none is left nothing is appended; commands that work without a server obey it too; none takes the limit away',
    }),
    'ready-fd': Flags.integer({
      min: 1,
      helpValue: 'FD',
      description: 'write the ready line to this descriptor once clients can connect',
    }),
  };

  override async run(): Promise<ExitCode> {
    const { flags } = await this.parse(Serve);
    const { commonOptions } = await import('../src/cli/global-flags.ts');
    const { runServe } = await import('../src/cli/serve.ts');
    const host = await this.host(flags);
    return runServe(host, commonOptions(flags, host.variables), {
      listen: flags.listen,
      advertise: flags.advertise,
      insecureListen: flags['insecure-listen'],
      assignments: flags.setting ?? [],
      configFile: flags.config,
      durability: flags.durability,
      maxDisk: flags['max-disk'],
      readyDescriptor: flags['ready-fd'],
    });
  }
}
