import assert from 'node:assert/strict';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { streamctl, withFolder } from '../helpers/streamctl.ts';

describe('surface: wrong usage', () => {
  const cases: readonly [string, readonly string[], RegExp][] = [
    ['an unknown command', ['prodcue', 't'], /no command 'prodcue'; did you mean 'streamctl produce'/],
    ['an unknown subcommand', ['topics', 'lst'], /no command 'topics lst'; did you mean 'streamctl topics list'/],
    ['a command that is far from any', ['migrate'], /no command 'migrate' \(see/],
    ['a flag before the command', ['--quiet', 'groups', 'list'], /words of a command come before its flags/],
    ['a flag inside the command', ['groups', '-q', 'list'], /words of a command come before its flags/],
    ['an unknown flag', ['produce', 't', '--recipts', '3'], /no flag --recipts; did you mean --receipts\?/],
    ['a missing argument', ['produce'], /TOPIC missing/],
    ['a superfluous argument', ['topics', 'list', 'x'], /unexpected argument: x/i],
    ['a flag without its value', ['consume', 't', '-o'], /expects a value/],
    ['a value that is none of the choices', ['produce', 't', '-z', 'rar'], /to be one of: none, gzip/],
    ['a number that is none', ['consume', 't', '-c', 'x'], /integer/],
    ['a group without a name', ['consume', 't', '-g', ''], /group's name is empty/],
    ['a state that no group can be in', ['groups', 'wait', 'g', '--until-state', 'Emtpy'], /'Emtpy' is no state/],
    ['flags that exclude each other', ['consume', 't', '-J', '-f', '%s'], /json-lines/],
    ['two targets', ['topics', 'list', '--dir', 'd', '-b', 'h:1'], /--dir and --bootstrap-server/],
    ['a wrong duration', ['topics', 'list', '--timeout', 'soon'], /--timeout: 'soon' is no duration/],
    ['a wrong offset', ['consume', 't', '-o', '@2026-02-30'], /--offset/],
    ['a wrong format', ['consume', 't', '-f', '%q'], /'%q' is no token/],
    ['a wrong number of partitions', ['produce', 't', '--create=none'], /--create: 'none'/],
    ['a config without a value', ['topics', 'create', 't', '--config', 'a'], /--config: 'a' lacks its value/],
    ['a descriptor that is not open', ['produce', 't', '--receipts', '97'], /descriptor 97 is not open/],
    ['serve over a bootstrap server', ['serve', '-b', 'h:1'], /give --dir/],
    ['serve on all addresses', ['serve', '--listen', '0.0.0.0:0'], /--insecure-listen/],
    ['an unknown setting', ['serve', '--listen', '127.0.0.1:0', '-X', 'no.such=1'], /no\.such/],
  ];
  for (const [name, args, expected] of cases) {
    it(`${name} is one line on standard error, and exit status 2`, () =>
      withFolder(async (folder) => {
        const run = await streamctl(args, { environment: { XDG_DATA_HOME: folder } });
        assert.match(run.stderr, expected);
        assert.match(run.stderr, /^streamctl[^\n]*\n$/);
        assert.equal(run.status, EXIT.usage);
        assert.equal(run.stdout.length, 0);
      }));
  }

  it('both environment variables and no flag are exit status 2, and a flag decides', async () =>
    withFolder(async (folder) => {
      const environment = { STREAMCTL_DIR: folder, STREAMCTL_BOOTSTRAP_SERVER: '127.0.0.1:1' };
      const undecided = await streamctl(['topics', 'list'], { environment });
      assert.equal(undecided.status, EXIT.usage);
      assert.match(undecided.stderr, /STREAMCTL_DIR and STREAMCTL_BOOTSTRAP_SERVER/);
      const decided = await streamctl(['topics', 'list', '--dir', `${folder}/absent`], { environment });
      assert.equal(decided.status, EXIT.notFound);
    }));

  it('--json gives a document also then', async () => {
    const run = await streamctl(['topics', 'list', '--json', '--timeout', 'soon']);
    assert.equal(run.status, EXIT.usage);
    const document = JSON.parse(run.stdout.toString());
    assert.equal(document.v, 1);
    assert.equal(document.kind, 'topics.list');
    assert.deepEqual(document.items, []);
    assert.equal(document.errors[0].exitCode, EXIT.usage);
  });

  it('a stack is shown with --debug only', async () => {
    const plain = await streamctl(['topics', 'list', '--timeout', 'soon']);
    const debug = await streamctl(['topics', 'list', '--timeout', 'soon', '--debug']);
    assert.ok(!plain.stderr.includes('    at '));
    assert.ok(debug.stderr.includes('    at '));
  });
});
