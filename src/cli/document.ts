/**
 * What a command that answers a question prints: one document, as JSON with --json, else as text drawn from the same
 * object. The document is whole and valid also when some or all of it failed.
 */
import { ClientError } from '../client/client-error.ts';
import { exitCodeOf } from './error-report.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import type { CommonOptions } from './global-flags.ts';
import type { Host } from './host.ts';
import { printableCopy, printableJson } from './printable.ts';
import { type Style, styleFor } from './style.ts';

/** Lines about items, of one kind, on standard error. */
const NOTES_MAX = 20;

export interface ItemError {
  /** What it was about, such as a topic's name; empty for the whole command. */
  readonly item: string;
  readonly message: string;
  readonly exitCode: ExitCode;
}

export interface Document<Item> {
  readonly v: 1;
  /** The command's id, such as `topics.list`. */
  readonly kind: string;
  readonly items: readonly Item[];
  readonly errors: readonly ItemError[];
}

export function documentOf<Item>(
  kind: string,
  items: readonly Item[],
  errors: readonly ItemError[] = [],
): Document<Item> {
  return { v: 1, kind, items, errors };
}

export function itemError(item: string, error: unknown): ItemError {
  return { item, message: error instanceof Error ? error.message : String(error), exitCode: exitCodeOf(error) };
}

/**
 * One after the other; what fails with an answer about that name does not keep the rest from being done. Throws what says more than
 * that: ClientError of kind `unreachable`, and all that is no ClientError.
 */
export async function forEachName(
  names: Iterable<string>,
  action: (name: string) => Promise<void>,
): Promise<ItemError[]> {
  const errors: ItemError[] = [];
  for (const name of names) {
    try {
      await action(name);
    } catch (error) {
      if (!(error instanceof ClientError) || error.kind === 'unreachable') throw error;
      errors.push(itemError(name, error));
    }
  }
  return errors;
}

/** Prints the document on standard output, its errors on standard error, and answers the exit status that it comes to. */
export async function printDocument<Item>(
  host: Host,
  common: CommonOptions,
  document: Document<Item>,
  text: (items: readonly Item[], style: Style) => string,
): Promise<ExitCode> {
  const output = common.json ? `${printableJson(document)}\n` : await textOf(host, common, document, text);
  if (output !== '') await host.stdio.write(Buffer.from(output));
  noteSome(
    host,
    document.errors.map(({ message }) => message),
  );
  return exitCodeOfDocument(document);
}

/** Nothing, not even a heading, where all of it failed. */
async function textOf<Item>(
  host: Host,
  common: CommonOptions,
  { items, errors }: Document<Item>,
  text: (items: readonly Item[], style: Style) => string,
): Promise<string> {
  if (items.length === 0 && errors.length > 0) return '';
  return text(printableCopy(items), await styleFor(host, 1, common.noColor));
}

/** The first of many lines for people, and how many there are besides: whoever wants them all takes the document. */
export function noteSome(host: Host, texts: readonly string[]): void {
  for (const text of texts.slice(0, NOTES_MAX)) host.stdio.note(`streamctl: ${text}`);
  const rest = texts.length - NOTES_MAX;
  if (rest > 0) host.stdio.note(`streamctl: and ${rest} more like this`);
}

/** 0 without errors, 3 when part of it was done, else the status of the first error. */
function exitCodeOfDocument(document: Document<unknown>): ExitCode {
  const [first] = document.errors;
  if (first === undefined) return EXIT.ok;
  return document.items.length > 0 ? EXIT.partial : first.exitCode;
}
