/** Errors as Node gives them: tests and code look at `code` only. They have no stack, which would only show the simulation. */
export function systemError(code: string, call: string, path = ''): Error {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  const error = new Error(`${code}: ${call} ${path}`.trimEnd());
  Error.stackTraceLimit = limit;
  return Object.assign(error, { code, syscall: call, path });
}
