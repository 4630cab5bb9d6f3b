import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { API_BY_KEY } from '../../src/protocol/apis/index.ts';
import {
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  parseRequestHeader,
} from '../../src/protocol/codec.ts';

/** Frames of other people's clients and brokers: see record-frames.ts. */
const FRAMES_DIRECTORY = new URL('./frames/', import.meta.url);

describe('frames of others', () => {
  for (const file of readdirSync(FRAMES_DIRECTORY)) {
    const api = API_BY_KEY.get(Number(file.split('-')[0]))!;
    const lines = readFileSync(new URL(file, FRAMES_DIRECTORY), 'utf8').trimEnd().split('\n');
    lines.forEach((line, index) => {
      const [versionText = '', direction, hex = ''] = line.split(' ');
      const version = Number(versionText.slice(1));
      const frame = Buffer.from(hex, 'hex');
      it(`${file}:${index + 1} ${api.name} v${version} ${direction}: read and written again, the bytes are the same`, () => {
        const again = direction === 'request' ? requestAgain(frame) : responseAgain(frame);
        assert.equal(Buffer.concat(again).toString('hex', 4), hex);
      });

      function requestAgain(bytes: Buffer): Uint8Array[] {
        const { bodyOffset, ...header } = parseRequestHeader(bytes);
        assert.equal(header.apiKey, api.key);
        assert.equal(header.apiVersion, version);
        return encodeRequest(api, version, header, decodeRequest(api, version, bytes, bodyOffset) as never);
      }

      function responseAgain(bytes: Buffer): Uint8Array[] {
        const { correlationId, message } = decodeResponse(api, version, bytes);
        return encodeResponse(api, version, correlationId, message as never);
      }
    });
  }
});
