/** Errors as Node gives them: tests and code look at `code` only. */
export function systemError(code: string, call: string, path = ''): Error {
  return Object.assign(new Error(`${code}: ${call} ${path}`.trimEnd()), { code, syscall: call, path });
}
