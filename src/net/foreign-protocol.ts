const HTTP_STARTS = ['GET ', 'POST', 'PUT ', 'HEAD', 'DELE', 'OPTI', 'PATC', 'CONN', 'HTTP'];
const TLS_HANDSHAKE = 0x16;
const TLS_ALERT = 0x15;
const TLS_MAJOR_VERSION = 3;

/** Says in words what the first bytes of a connection are when they belong to another protocol; undefined when not known. */
export function describeForeignHead(head: Buffer): string | undefined {
  if (head[1] === TLS_MAJOR_VERSION && head[0] === TLS_HANDSHAKE) return 'this is the start of a TLS connection';
  if (head[1] === TLS_MAJOR_VERSION && head[0] === TLS_ALERT) return 'this is a TLS alert';
  if (HTTP_STARTS.includes(head.toString('latin1', 0, 4))) return 'this is HTTP';
  if (head.toString('latin1', 0, 4) === 'SSH-') return 'this is SSH';
  return undefined;
}
