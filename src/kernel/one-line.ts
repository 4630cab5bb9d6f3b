const LENGTH_MAX = 100;

/** `text` cut to a reasonable length and with control characters escaped, fit for a log line or a terminal (B-9). */
export function oneLine(text: string): string {
  const shown = text.length > LENGTH_MAX ? `${text.slice(0, LENGTH_MAX)}...` : text;
  return JSON.stringify(shown).slice(1, -1);
}
