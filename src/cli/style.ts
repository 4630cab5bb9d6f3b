import type { Host, StandardStream } from './host.ts';

/** How to set words apart; without colours all of them leave the text as it is. */
export interface Style {
  heading(text: string): string;
  quiet(text: string): string;
}

const PLAIN: Style = { heading: (text) => text, quiet: (text) => text };

/** chalk is loaded only where it will be used. */
export async function styleFor(host: Host, stream: StandardStream, noColor: boolean): Promise<Style> {
  if (!usesColor(host.variables, host.isTerminal(stream), noColor)) return PLAIN;
  const { Chalk } = await import('chalk');
  const chalk = new Chalk({ level: 1 });
  return { heading: (text) => chalk.bold(text), quiet: (text) => chalk.dim(text) };
}

/** R5: the flag decides, then FORCE_COLOR, then NO_COLOR, then whether a terminal is there that can show it. */
export function usesColor(
  variables: Readonly<Record<string, string | undefined>>,
  isTerminal: boolean,
  noColor: boolean,
): boolean {
  if (noColor) return false;
  const forced = variables['FORCE_COLOR'];
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  if (variables['NO_COLOR']) return false;
  return isTerminal && variables['TERM'] !== 'dumb';
}
