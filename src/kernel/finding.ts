/** What a check of files on the disk finds. */
export interface Finding {
  readonly file: string;
  /** Byte in the file; undefined where it is about the whole of it. */
  readonly position: number | undefined;
  /** Offset in the log. */
  readonly offset: number | undefined;
  /** What was broken, in one or two words that stay the same: `crc`, `offsets`, `digest`, .... */
  readonly rule: string;
  readonly text: string;
  /**
   * `damage`: bytes that nothing else can give back, or that contradict another file. `derivable`: wrong, but an index or the
   * like, which the broker or `log index-rebuild` makes anew. `unchecked`: nothing there says whether it is right.
   */
  readonly severity: 'damage' | 'derivable' | 'unchecked';
}

/** Of one file not more than this many findings are kept: a file full of noise has one in every few bytes. */
const FINDINGS_A_FILE_MAX = 100;

/** The findings of one file. */
export class FileFindings {
  readonly file: string;
  readonly all: Finding[] = [];

  constructor(file: string) {
    this.file = file;
  }

  add(
    severity: Finding['severity'],
    rule: string,
    text: string,
    place: { readonly position?: number | undefined; readonly offset?: number | undefined } = {},
  ): void {
    if (this.all.length >= FINDINGS_A_FILE_MAX) return;
    const { position, offset } = place;
    this.all.push({ file: this.file, position, offset, rule, text, severity });
  }
}
