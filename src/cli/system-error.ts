/** `EACCES: permission denied, open '/a/b'` as a person says it; other errors by their message. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const match = /^(E[A-Z0-9]+): (.*), ([a-z]+)(?: (.*))?$/s.exec(error.message);
  if (match === null) return error.message;
  const [, code, reason, call, operands] = match;
  return operands === undefined ? `${reason} (${call}: ${code})` : `${operands}: ${reason} (${call}: ${code})`;
}
