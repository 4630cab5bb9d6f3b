import { BaseCommand } from '../src/cli/base-command.ts';
import type { ExitCode } from '../src/cli/exit-codes.ts';
import { jsonFlag } from '../src/cli/global-flags.ts';
import { Flags } from '../src/cli/oclif.ts';

export default class Doctor extends BaseCommand {
  static override summary = 'Look for what would make a broker on this directory slow, unsafe or unreachable.';
  static override description =
    'What a sync costs, the kind of file system, room, who has the directory and how it was left, listeners, open files, modes. Exits 4 when a row says fail. Writes one temporary file and claims nothing. All copies of a record are on one disk: a replica elsewhere is yours to make.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --dir /var/lib/streamctl --listen 0.0.0.0:9092 --advertise events.lan:9092',
    '<%= config.bin %> <%= command.id %> --json | jq -r \'.items[] | select(.status != "ok") | .text\'',
  ];
  static override flags = {
    ...jsonFlag,
    listen: Flags.string({ helpValue: 'HOST:PORT', description: 'where serve would listen' }),
    advertise: Flags.string({ helpValue: 'HOST:PORT', description: 'what serve would tell clients' }),
  };

  override async run(): Promise<ExitCode> {
    const { flags } = await this.parse(Doctor);
    const { commonOptions } = await import('../src/cli/global-flags.ts');
    const { runDoctor } = await import('../src/cli/doctor.ts');
    const host = await this.host(flags);
    return runDoctor(host, commonOptions(flags, host.variables), { listen: flags.listen, advertise: flags.advertise });
  }
}
