/** Control characters but line breaks, tabs and the codes for colours. */
// oxlint-disable-next-line no-control-regex -- it is about control characters
const unprintable = /\u001B(?!\[[0-9;]*m)|[\u0000-\u0008\u000B-\u001A\u001C-\u001F\u007F-\u009F]/g;

/** Text as a terminal may see it: names come from model files, and a terminal obeys some of what they could hold. */
export function printable(text: string): string {
  return text.replace(unprintable, "\uFFFD");
}
